//! Unquoted numbers and words in Chart.yaml that Helm reads as another text than stands there: `1.10`, `0777`, `1234e56`, `yes`.

use super::document::string;
use crate::{
    refusal::{Code, Refusal},
    yaml::{self, Spanned},
};
use serde::Deserialize;
use serde_json::Value;

use std::collections::BTreeMap;

/// A scalar as it is written, with its place.
type Text = Option<Spanned<String>>;

/// The texts of a Chart.yaml as they are written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    name: Text,
    version: Text,
    app_version: Text,
    kube_version: Text,
    description: Text,
    home: Text,
    icon: Text,
    condition: Text,
    tags: Text,
    annotations: Option<BTreeMap<String, Text>>,
    keywords: Option<Vec<Text>>,
    sources: Option<Vec<Text>>,
    maintainers: Option<Vec<Maintainer>>,
    dependencies: Option<Vec<Dependency>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Maintainer {
    name: Text,
    email: Text,
    url: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Dependency {
    name: Text,
    version: Text,
    repository: Text,
    condition: Text,
    alias: Text,
    tags: Option<Vec<Text>>,
}

/// Every text that Helm would change, with its line and how to quote it; `raw` is the same file as YAML reads it.
///
/// What this cannot read has fields of other types than Helm's, which is reported elsewhere.
pub(super) fn traps(text: &str, raw: &Value) -> Vec<Refusal> {
    let documents = serde_saphyr::from_multiple_with_options::<Written>(text, yaml::helm()).unwrap_or_default();
    let written = documents.into_iter().next().unwrap_or_default();
    let places = written.places();
    places.iter().filter_map(|(place, written)| trap(text, raw.pointer(place)?, place, written.as_ref()?)).collect()
}

impl Written {
    /// All texts by their JSON pointer.
    fn places(&self) -> Vec<(String, &Text)> {
        let top = [
            ("name", &self.name),
            ("version", &self.version),
            ("appVersion", &self.app_version),
            ("kubeVersion", &self.kube_version),
            ("description", &self.description),
            ("home", &self.home),
            ("icon", &self.icon),
            ("condition", &self.condition),
            ("tags", &self.tags),
        ];
        let mut places: Vec<_> = top.into_iter().map(|(key, text)| (format!("/{key}"), text)).collect();
        for (key, text) in self.annotations.iter().flatten() {
            places.push((format!("/annotations/{}", key.replace('~', "~0").replace('/', "~1")), text));
        }
        places.extend(items("/keywords", self.keywords.as_ref()));
        places.extend(items("/sources", self.sources.as_ref()));
        for (n, one) in self.maintainers.iter().flatten().enumerate() {
            let fields = [("name", &one.name), ("email", &one.email), ("url", &one.url)];
            places.extend(fields.map(|(key, text)| (format!("/maintainers/{n}/{key}"), text)));
        }
        for (n, one) in self.dependencies.iter().flatten().enumerate() {
            let fields = [
                ("name", &one.name),
                ("version", &one.version),
                ("repository", &one.repository),
                ("condition", &one.condition),
                ("alias", &one.alias),
            ];
            places.extend(fields.map(|(key, text)| (format!("/dependencies/{n}/{key}"), text)));
            places.extend(items(&format!("/dependencies/{n}/tags"), one.tags.as_ref()));
        }
        places
    }
}

fn items<'t>(place: &str, texts: Option<&'t Vec<Text>>) -> Vec<(String, &'t Text)> {
    texts.into_iter().flatten().enumerate().map(|(n, text)| (format!("{place}/{n}"), text)).collect()
}

fn trap(text: &str, read: &Value, place: &str, written: &Spanned<String>) -> Option<Refusal> {
    let value = &written.value;
    let (line, start) = (written.referenced.line(), written.referenced.span().byte_offset());
    let is_quoted = start.and_then(|at| text.as_bytes().get(usize::try_from(at).ok()?)).is_some_and(|b| matches!(b, b'"' | b'\''));
    let read_as = match read {
        // Helm's parser drops the `_` of any number, ours of some.
        Value::String(_) if !is_quoted && yaml::is_number_with_underscores(value) => "a number",
        Value::Number(_) | Value::Bool(_) => match string(read) {
            Some(same) if same == *value => return None,
            _ if read.is_number() => "a number",
            _ => "a boolean",
        },
        _ => return None,
    };
    let key = place.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let lead = if key.bytes().all(|b| b.is_ascii_digit()) { "- ".to_owned() } else { format!("{key}: ") };
    let becomes = string(read).filter(|read| read != value).map_or_else(String::new, |read| format!(" and writes as `{read}`"));
    let what = format!("line {line} of Chart.yaml says `{lead}{value}`, which Helm reads as {read_as}{becomes}");
    Some(Refusal::new(Code::ChartNumberTrap, what, format!("quote it: `{lead}\"{value}\"`")))
}
