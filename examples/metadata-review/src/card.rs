//! Checks the metadata of a model card: the YAML between two lines `---` at its top.

use webhooks_runtime::serde_json::Value;

/// Returns what is wrong with a card, in Markdown.
pub fn problems(card: &str) -> Vec<String> {
    let card = card.replace("\r\n", "\n");
    let begin = card.trim_start_matches('\u{feff}').strip_prefix("---\n");
    let Some((yaml, _)) = begin.and_then(|rest| rest.split_once("\n---")) else {
        return vec![
            "The card has no metadata: begin it with YAML between two lines `---`.".into(),
        ];
    };
    // YAML 1.2, as on the Hub: `no` is the code of a language.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    match serde_saphyr::from_str_with_options::<Value>(yaml, options) {
        Ok(card) => [license(&card), language(&card), tags(&card)].into_iter().flatten().collect(),
        Err(error) => vec![format!("The metadata is invalid: {}.", code(&error.to_string()))],
    }
}

fn license(card: &Value) -> Option<String> {
    match texts(&card["license"]).first() {
        Some(license) if license == "other" && card["license_name"].is_null() => {
            Some("`license: other` needs a `license_name` and a `license_link`.".to_owned())
        }
        Some(_) => None,
        None => Some("`license` is missing: add one, such as `license: apache-2.0`.".to_owned()),
    }
}

fn language(card: &Value) -> Option<String> {
    let languages = texts(&card["language"]);
    if languages.is_empty() {
        return Some("`language` is missing: add a code, such as `language: en`.".to_owned());
    }
    // ISO 639, maybe with a script or a region: `en`, `yue`, `zh-Hans`.
    let is_code = |language: &&String| {
        let code = language.split('-').next().unwrap_or_default();
        let is_short = (2..=3).contains(&code.len());
        is_short && code.bytes().all(|it| it.is_ascii_lowercase())
            || ["multilingual", "code"].contains(&language.as_str())
    };
    let wrong = languages.iter().find(|language| !is_code(language))?;
    Some(format!("`language` has {}: write the code of a language, such as `en`.", code(wrong)))
}

fn tags(card: &Value) -> Option<String> {
    let advice = "`tags` are missing: add a list of them, such as `tags: [translation]`.";
    texts(&card["tags"]).is_empty().then(|| advice.to_owned())
}

/// Returns a text or a list of texts; nothing if it is missing or something else.
fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let texts = items.iter().filter_map(Value::as_str).map(str::trim);
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// Quotes a text of the card as code, from which no Markdown can break out.
fn code(text: &str) -> String {
    let is_plain = |c: &char| *c != '`' && !c.is_control();
    format!("`{}`", text.chars().filter(is_plain).take(200).collect::<String>())
}
