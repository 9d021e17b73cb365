//! Checks each `**` of a glob.

/// Returns whether each `**` of a valid glob is a whole segment. Only then does it match `/`.
pub(super) fn are_segments(glob: &str) -> bool {
    let glob = masked(glob);
    let mirrored = glob.iter().rev().map(|byte| match byte {
        b'{' => b'}',
        b'}' => b'{',
        other => *other,
    });
    begin_segments(&glob) && begin_segments(&mirrored.collect::<Vec<_>>())
}

/// Returns whether a segment begins at each `**`, in every alternative of its braces.
fn begin_segments(glob: &[u8]) -> bool {
    let mut is_start = true;
    // Of each open brace, whether a segment begins at its alternatives.
    let mut braces = Vec::new();
    for part in glob.chunk_by(|a, b| (a, b) == (&b'*', &b'*')) {
        is_start = match part {
            b"**" if is_start => false,
            [b'*', b'*', ..] => return false,
            b"/" => true,
            b"{" => {
                braces.push(is_start);
                is_start
            }
            b"," => braces.last().copied().unwrap_or(false),
            b"}" => {
                braces.pop();
                false
            }
            _ => false,
        };
    }
    true
}

/// Returns the glob with a letter for each escaped character and each class.
fn masked(glob: &str) -> Vec<u8> {
    let mut masked = Vec::new();
    let mut bytes = glob.bytes().peekable();
    while let Some(byte) = bytes.next() {
        masked.push(if matches!(byte, b'\\' | b'[') { b'x' } else { byte });
        if byte == b'\\' {
            bytes.next();
        } else if byte == b'[' {
            bytes.next_if(|byte| matches!(byte, b'!' | b'^'));
            let mut is_first = true;
            while let Some(member) = bytes.next().filter(|byte| is_first || *byte != b']') {
                is_first = false;
                if member == b'\\' {
                    bytes.next();
                }
            }
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use fast_glob::glob_match;

    use super::*;

    #[test]
    fn a_globstar_between_slashes_is_a_segment() {
        for glob in [
            "main",
            "release/*",
            "**",
            "**/fix",
            "release/**",
            "a/**/b/**",
            "{main,release/**}",
            "{main,**}",
            "{a,b}/**",
            "{**/a,{b/**,c}}/d",
            r"release\**",
            "release[**]",
            "[]**]",
        ] {
            assert!(are_segments(glob), "{glob}");
        }
    }

    #[test]
    fn any_other_globstar_is_none_and_does_not_cross_a_slash() {
        for (glob, name) in [
            ("release**", "release/1/fix"),
            ("**fix", "release/1/fix"),
            ("release/**-fix", "release/1/a-fix"),
            ("release/v**", "release/v1/fix"),
            ("***", "release/1/fix"),
            ("{a,b}**", "a/1/fix"),
            ("**{a,b}", "1/2/a"),
            ("{**,main}-fix", "release/1/2-fix"),
            ("a,**", "a,b/1/fix"),
            ("[a]**", "a/1/fix"),
        ] {
            assert!(!are_segments(glob), "{glob}");
            assert!(!glob_match(glob, name), "{glob} {name}");
        }
        assert!(!are_segments("release{**,x}"));
    }
}
