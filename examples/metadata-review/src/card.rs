//! Checks the metadata of a card: the YAML between two lines `---` at its top.

use webhooks_runtime::hub::code_span;
use webhooks_runtime::serde_json::Value;

/// Returns what is wrong with a card, in Markdown.
pub fn problems(card: &str) -> Vec<String> {
    let card = card.trim_start_matches('\u{feff}').trim_start().replace("\r\n", "\n") + "\n";
    let Some((yaml, _)) = card.strip_prefix("---\n").and_then(|it| it.split_once("\n---\n")) else {
        let advice = "The card has no metadata: begin it with YAML between two lines `---`.";
        return vec![advice.to_owned()];
    };
    // YAML 1.2, as on the Hub: `no` is the code of a language.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    match serde_saphyr::from_str_with_options::<Value>(yaml, options) {
        Ok(card) => [license(&card), language(&card), tags(&card)].into_iter().flatten().collect(),
        Err(error) => {
            let reason: String = error.to_string().chars().take(200).collect();
            vec![format!("The metadata is invalid: {}.", code_span(&reason))]
        }
    }
}

fn license(card: &Value) -> Option<String> {
    let has = |key: &str| !texts(&card[key]).is_empty();
    match texts(&card["license"]).first() {
        Some(license) if license == "other" && !(has("license_name") && has("license_link")) => {
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
    let is_code = |text: &&String| {
        let code = text.split('-').next().unwrap_or_default();
        matches!(code.len(), 2 | 3) && code.bytes().all(|it| it.is_ascii_lowercase())
            || ["multilingual", "code"].contains(&text.as_str())
    };
    let wrong = languages.iter().find(|language| !is_code(language))?;
    Some(format!("`language` has {}: write a language code, such as `en`.", code_span(wrong)))
}

fn tags(card: &Value) -> Option<String> {
    // A text is not enough: the Hub takes a list only.
    let has_tags = card["tags"].is_array() && !texts(&card["tags"]).is_empty();
    let advice = "`tags` are missing: add a list of them, such as `tags: [translation]`.";
    (!has_tags).then(|| advice.to_owned())
}

/// Returns a text or a list of texts, at most 200 characters of each. Anything else has none.
fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let texts = items.iter().filter_map(Value::as_str).map(str::trim);
    texts.filter(|text| !text.is_empty()).map(|text| text.chars().take(200).collect()).collect()
}
