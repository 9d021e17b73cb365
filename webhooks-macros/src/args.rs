//! The options of the attribute: what is in its parentheses.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Path, Token, token};

use crate::background::{self, Background};
use crate::errors::Errors;
use crate::parse::{equals, not_evaluated, parts, put, similar, text};

const PATH: &str = "path";
const SECRET_ENV: &str = "secret_env";
const BACKGROUND: &str = "background";
const CRATE: &str = "crate";
const KEYS: [&str; 4] = [PATH, SECRET_ENV, BACKGROUND, CRATE];
/// The same, as error messages list them.
const LISTED: &str = "`path`, `secret_env`, `background`, `crate`";

const PATH_EXAMPLE: &str = "path = \"/say_hello\"";

/// The values of all keys.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) path: Option<LitStr>,
    pub(crate) secret_env: Option<LitStr>,
    pub(crate) background: Option<Background>,
    pub(crate) krate: Option<Path>,
}

impl Args {
    /// Reads `"/path"`, `key = value`, or several of these. What cannot be read goes to `errors`, and
    /// the rest is read all the same.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        parts(tokens, errors, |input, errors| args.parse_part(input, errors));
        args
    }

    fn parse_part(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(LitStr) {
            let path: LitStr = input.parse()?;
            return put(&mut self.path, path.clone(), PATH, path.span());
        }
        if input.peek(token::Paren) {
            let error = input.error(not_evaluated(PATH_EXAMPLE));
            input.parse::<TokenStream>()?;
            return Err(error);
        }
        let key = input.call(Ident::parse_any).map_err(|error| {
            let message = format!(
                "expected a path like \"/say_hello\", or `key = value` with one of the keys {LISTED}"
            );
            syn::Error::new(error.span(), message)
        })?;
        let name = key.unraw().to_string();
        match name.as_str() {
            BACKGROUND => {
                let background = Background::parse(key.span(), input, errors)?;
                put(&mut self.background, background, BACKGROUND, key.span())
            }
            PATH => {
                equals(&key, input, "\"/say_hello\"")?;
                put(&mut self.path, text(&key, input, "\"/say_hello\"")?, PATH, key.span())
            }
            SECRET_ENV => {
                equals(&key, input, "\"MY_SECRET\"")?;
                let variable = text(&key, input, "\"MY_SECRET\"")?;
                put(&mut self.secret_env, variable, SECRET_ENV, key.span())
            }
            CRATE => {
                equals(&key, input, "my_name")?;
                let path = input.call(Path::parse_mod_style).map_err(|error| {
                    let _ = input.parse::<TokenStream>();
                    let text = "expected the crate's name, without quotes: `crate = my_name`";
                    syn::Error::new(error.span(), text)
                })?;
                put(&mut self.krate, path, CRATE, key.span())
            }
            unknown => {
                // A constant or a macro call, of which the value was meant to be the path.
                let is_code = input.is_empty() || input.peek(Token![!]) || input.peek(Token![::]);
                // The rest of this part belongs to a key that we know nothing about.
                input.parse::<TokenStream>()?;
                Err(syn::Error::new(key.span(), unknown_key(unknown, is_code)))
            }
        }
    }
}

/// The message for a key that the attribute doesn't have: what was probably meant.
fn unknown_key(unknown: &str, is_code: bool) -> String {
    if matches!(unknown, "secret" | "webhook_secret") {
        return "a secret does not belong in source code: name the environment variable that holds it, \
                `secret_env = \"MY_SECRET\"`"
            .to_owned();
    }
    if let Some(example) = Background::example(unknown) {
        return format!(
            "`{unknown}` is an option of `background`: write `background({unknown} = {example})`"
        );
    }
    let meant = match unknown {
        "route" | "url" | "uri" | "endpoint" | "name" => Some(PATH_EXAMPLE.to_owned()),
        _ => similar(unknown, &KEYS).map(str::to_owned).or_else(|| {
            let key = background::meant(unknown)?;
            Some(format!("background({key} = {})", Background::example(key)?))
        }),
    };
    match meant {
        Some(meant) => format!("unknown key `{unknown}`: did you mean `{meant}`?"),
        None if is_code => not_evaluated(PATH_EXAMPLE),
        None => format!("unknown key `{unknown}`: the keys are {LISTED}"),
    }
}
