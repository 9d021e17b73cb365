//! Checks the globs of `branch`, `refs` and `paths`.

pub(super) fn branch(text: &str) -> Result<(), String> {
    if let Some(name) = text.strip_prefix("refs/heads/") {
        return Err(format!("`branch` takes only the name of the branch: write \"{name}\""));
    }
    if text.starts_with("refs/") {
        return Err(format!("this is not a branch: write `refs = \"{text}\"`"));
    }
    glob(text)
}

pub(super) fn git_ref(text: &str) -> Result<(), String> {
    if !text.is_empty() && !text.starts_with("refs/") {
        return Err(
            "the name of a ref begins with `refs/`: write \"refs/tags/*\" or \"refs/pr/*\", \
                    for example, or `branch` for a branch"
                .to_owned(),
        );
    }
    glob(text)
}

/// A `!` at the beginning negates it.
pub(super) fn changed_path(text: &str) -> Result<(), String> {
    let glob = text.strip_prefix('!').unwrap_or(text);
    if glob.is_empty() {
        return Err("the path is empty: write \"data/**\", for example".to_owned());
    }
    if glob.starts_with('!') {
        return Err("this glob is negated twice: write one `!`, or none".to_owned());
    }
    if let Some(path) = glob.strip_prefix('/').or_else(|| glob.strip_prefix("./")) {
        return Err(format!("a path begins at the top of the repo, without `/`: write \"{path}\""));
    }
    if let Some(folder) = glob.strip_suffix('/') {
        return Err(format!("files change, not folders: write \"{folder}/**\""));
    }
    valid(glob, "data/**")
}

fn glob(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the name is empty: write \"main\", for example".to_owned());
    }
    if text.starts_with('!') {
        return Err("this glob cannot be negated: list the names that match".to_owned());
    }
    valid(text, "release/**")
}

fn valid(glob: &str, example: &str) -> Result<(), String> {
    fast_glob::validate(glob).map_err(|error| format!("this is not a valid glob: {error}"))?;
    if !are_segments(glob) {
        return Err(format!(
            "`**` must be a whole segment: write \"{example}\", or `*` within a segment"
        ));
    }
    Ok(())
}

/// Returns whether each `**` of a valid glob is a whole segment. Only then does it match `/`.
fn are_segments(glob: &str) -> bool {
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
