//! Parses the options of the attribute: the tokens in its parentheses.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitBool, LitStr, Path, Token, token};

use crate::background::{self, Background};
use crate::errors::Errors;
use crate::filter::{BRANCH, FilterArgs, FilterKey, ON, PATHS, REFS, WATCH, WATCH_ENV};
use crate::parse::{not_evaluated, parse_equals, parse_parts, parse_text, set_once, similar};

const PATH: &str = "path";
const OWN: &str = "own";
const SECRET_ENV: &str = "secret_env";
const BACKGROUND: &str = "background";
const CRATE: &str = "crate";
const KEYS: [&str; 11] =
    [PATH, ON, WATCH, WATCH_ENV, BRANCH, REFS, PATHS, OWN, SECRET_ENV, BACKGROUND, CRATE];
/// The keys as error messages list them.
const KEY_LIST: &str = "`path`, `on`, `watch`, `watch_env`, `branch`, `refs`, `paths`, `own`, `secret_env`, \
                        `background`, `crate`";

const PATH_EXAMPLE: &str = "path = \"/say_hello\"";

/// The options of the attribute. `None` stands for the default.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) path: Option<LitStr>,
    pub(crate) filter: FilterArgs,
    pub(crate) own: Option<LitBool>,
    pub(crate) secret_env: Option<LitStr>,
    pub(crate) background: Option<Background>,
    pub(crate) krate: Option<Path>,
}

impl Args {
    /// Parses `"/path"`, `key = value`, or several of these, separated by commas. An invalid option adds an
    /// error and does not keep the others from being parsed.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        parse_parts(tokens, errors, |input, errors| args.parse_part(input, errors));
        args
    }

    fn parse_part(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(LitStr) {
            let path: LitStr = input.parse()?;
            return set_once(&mut self.path, path.clone(), PATH, path.span());
        }
        if input.peek(token::Paren) {
            let error = input.error(not_evaluated(PATH_EXAMPLE));
            input.parse::<TokenStream>()?;
            return Err(error);
        }
        let key = input.call(Ident::parse_any).map_err(|error| {
            let message = format!(
                "expected a path like \"/say_hello\", or `key = value` with one of the keys {KEY_LIST}"
            );
            syn::Error::new(error.span(), message)
        })?;
        let name = key.unraw().to_string();
        if let Some(filter) = FilterKey::from_name(&name) {
            return self.filter.parse(filter, &key, input, errors);
        }
        match name.as_str() {
            BACKGROUND => {
                let background = Background::parse(key.span(), input, errors)?;
                set_once(&mut self.background, background, BACKGROUND, key.span())
            }
            PATH => {
                parse_equals(&key, input, "\"/say_hello\"")?;
                set_once(
                    &mut self.path,
                    parse_text(&key, input, "\"/say_hello\"")?,
                    PATH,
                    key.span(),
                )
            }
            OWN => {
                parse_equals(&key, input, "true")?;
                let own = input.parse().map_err(|error: syn::Error| {
                    let _ = input.parse::<TokenStream>();
                    let text = "expected `true` or `false`: `own = true`";
                    syn::Error::new(error.span(), text)
                })?;
                set_once(&mut self.own, own, OWN, key.span())
            }
            SECRET_ENV => {
                parse_equals(&key, input, "\"MY_SECRET\"")?;
                let variable = parse_text(&key, input, "\"MY_SECRET\"")?;
                set_once(&mut self.secret_env, variable, SECRET_ENV, key.span())
            }
            CRATE => {
                parse_equals(&key, input, "my_name")?;
                let path = input.call(Path::parse_mod_style).map_err(|error| {
                    let _ = input.parse::<TokenStream>();
                    let text = "expected the crate's name, without quotes: `crate = my_name`";
                    syn::Error::new(error.span(), text)
                })?;
                set_once(&mut self.krate, path, CRATE, key.span())
            }
            unknown => {
                // A constant or a macro call whose value was meant to be the path.
                let is_code = input.is_empty() || input.peek(Token![!]) || input.peek(Token![::]);
                // The rest of this option belongs to the unknown key.
                input.parse::<TokenStream>()?;
                Err(syn::Error::new(key.span(), unknown_key(unknown, is_code)))
            }
        }
    }
}

/// Returns the message for an unknown key, with the key that was probably meant.
fn unknown_key(unknown: &str, is_code: bool) -> String {
    if matches!(unknown, "secret" | "webhook_secret") {
        return "a secret does not belong in source code: name the environment variable that holds it, \
                `secret_env = \"MY_SECRET\"`"
            .to_owned();
    }
    if let Some(written) = Background::written(unknown) {
        return format!("`{unknown}` is an option of `background`: write `background({written})`");
    }
    let written = |key: FilterKey| Some(format!("{} = {}", key.name(), key.example()));
    let meant = match unknown {
        "route" | "url" | "uri" | "endpoint" | "name" => Some(PATH_EXAMPLE.to_owned()),
        "event" | "events" | "scope" | "action" => written(FilterKey::On),
        "repo" | "repos" | "repo_type" => written(FilterKey::Watch),
        "tag" | "tags" => written(FilterKey::Refs),
        "file" | "files" => written(FilterKey::Paths),
        "own_events" | "include_own" => Some(format!("{OWN} = true")),
        _ => similar(unknown, &KEYS).map(str::to_owned).or_else(|| {
            let written = Background::written(background::suggestion(unknown)?)?;
            Some(format!("background({written})"))
        }),
    };
    match meant {
        Some(meant) => format!("unknown key `{unknown}`: did you mean `{meant}`?"),
        None if is_code => not_evaluated(PATH_EXAMPLE),
        None => format!("unknown key `{unknown}`: the keys are {KEY_LIST}"),
    }
}
