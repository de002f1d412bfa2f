//! A chart and the charts below it, as Helm lays them into a package.

use super::{SourceFile, document, files, metadata};
use crate::{
    package,
    refusal::{Code, Refusal, Result},
    yaml,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Charts below charts, so deep: a package can even hold itself.
const DEPTH: usize = 16;

/// What may still be unpacked below a chart.
struct Budget {
    /// Levels of charts.
    depth: usize,
    /// Bytes out of packed charts.
    bytes: usize,
}

/// A loaded chart: the parts of a package in Helm's order.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Chart.yaml as Helm writes it.
    pub(crate) document: Value,
    /// Chart.lock's digest and dependencies; its date is the package's.
    pub(crate) lock: Option<Map<String, Value>>,
    /// `values.yaml`.
    pub(crate) values: Option<Vec<u8>>,
    /// `values.schema.json`.
    pub(crate) schema: Option<Vec<u8>>,
    /// Below `templates/`.
    pub(crate) templates: Vec<SourceFile>,
    /// Everything else.
    pub(crate) files: Vec<SourceFile>,
    /// The charts below `charts/`, by the name of their folder or archive: Helm's own order is that of a Go map.
    pub(crate) subcharts: Vec<Tree>,
}

impl Tree {
    /// The chart's name.
    pub(crate) fn name(&self) -> &str {
        self.document.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the chart is of the old form, whose lock and dependencies are files of their own.
    pub(crate) fn is_v1(&self) -> bool {
        self.document.get("apiVersion").and_then(Value::as_str) == Some("v1")
    }

    /// Sorts the files of a chart into their parts; they come in the order Helm walks them.
    ///
    /// # Errors
    /// What Helm would not load.
    pub(crate) fn load(files: Vec<SourceFile>) -> Result<Self> {
        Self::within(files, &mut Budget { depth: DEPTH, bytes: package::LIMIT })
    }

    fn within(files: Vec<SourceFile>, budget: &mut Budget) -> Result<Self> {
        let chart_file = files.iter().find(|file| file.path == "Chart.yaml").ok_or_else(files::no_chart_file)?;
        let mut tree = Self {
            document: document::chart_file(&chart_file.bytes)?,
            lock: None,
            values: None,
            schema: None,
            templates: Vec::new(),
            files: Vec::new(),
            subcharts: Vec::new(),
        };
        let mut below: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
        for file in files {
            match file.path.as_str() {
                "Chart.yaml" => {}
                "Chart.lock" => tree.lock = document::lock("Chart.lock", &file.bytes)?,
                "values.yaml" => tree.values = Some(values(file.bytes)?),
                "values.schema.json" => tree.schema = Some(schema(file.bytes)?),
                "requirements.yaml" | "requirements.lock" => tree.old(file)?,
                path if path.starts_with("templates/") => tree.templates.push(file),
                path if path.starts_with("charts/") && !is_provenance(path) => {
                    let rest = path.strip_prefix("charts/").unwrap_or(path);
                    let name = rest.split('/').next().unwrap_or(rest).to_owned();
                    below.entry(name).or_default().push(SourceFile { path: rest.to_owned(), ..file });
                }
                _ => tree.files.push(file),
            }
        }
        for (name, files) in below.into_iter().filter(|(name, _)| !name.starts_with(['_', '.'])) {
            let chart = subchart(&name, files, budget)?;
            tree.add(chart, &name)?;
        }
        Ok(tree)
    }

    /// The files of a v1 chart's dependencies: they count in a v2 chart too, but only a v1 chart keeps them.
    fn old(&mut self, file: SourceFile) -> Result<()> {
        if file.path == "requirements.lock" {
            self.lock = document::lock("requirements.lock", &file.bytes)?;
        } else if let Value::Object(document) = &mut self.document {
            document.extend(document::requirements(&file.bytes)?);
        }
        if self.is_v1() {
            self.files.push(file);
        }
        Ok(())
    }

    fn add(&mut self, chart: Self, place: &str) -> Result<()> {
        if self.subcharts.iter().any(|other| other.name() == chart.name()) {
            let what = format!(
                "two charts below `charts/` are called `{}`, one of them in `{}`; Helm would mix them",
                chart.name().escape_debug(),
                place.escape_debug()
            );
            return Err(Refusal::new(Code::ChartTwoSubcharts, what, "remove one of them").into());
        }
        self.subcharts.push(chart);
        Ok(())
    }
}

fn is_provenance(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|end| end == "prov")
}

fn subchart(name: &str, files: Vec<SourceFile>, budget: &mut Budget) -> Result<Tree> {
    let in_place = |refused: crate::Refused| {
        let why: Vec<String> = refused.violations().iter().map(|one| one.what.clone()).collect();
        Refusal::new(
            Code::ChartBadSubchart,
            format!("`charts/{}` is no chart: {}", name.escape_debug(), why.join("; ")),
            "mend it, or take it out of `charts/`",
        )
        .into()
    };
    let files = if std::path::Path::new(name).extension().is_some_and(|end| end == "tgz") {
        package::unpack(files.first().map(|file| file.bytes.as_slice()).unwrap_or_default()).and_then(|files| budget.spend(files))
    } else {
        Ok(files.into_iter().filter_map(|file| Some(SourceFile { path: file.path.split_once('/')?.1.to_owned(), ..file })).collect())
    };
    files.and_then(|files| budget.descend(files)).map_err(in_place)
}

impl Budget {
    /// The files of a packed chart, counted.
    fn spend(&mut self, files: Vec<SourceFile>) -> Result<Vec<SourceFile>> {
        let spent = files.iter().map(|file| file.bytes.len()).sum();
        self.bytes = self.bytes.checked_sub(spent).ok_or_else(|| {
            let what = format!("the packed charts below it unpack to more than {} bytes, which Helm cannot load", package::LIMIT);
            Refusal::new(Code::ChartTooLarge, what, "take one of them out")
        })?;
        Ok(files)
    }

    /// The chart of these files, a level further down.
    fn descend(&mut self, files: Vec<SourceFile>) -> Result<Tree> {
        let Some(depth) = self.depth.checked_sub(1) else {
            let what = format!("charts lie more than {DEPTH} levels below each other");
            return Err(Refusal::new(Code::ChartTooLarge, what, "take the deepest of them out").into());
        };
        self.depth = depth;
        let tree = Tree::within(files, self)?;
        self.depth = depth + 1;
        metadata::check_below(&tree.document)?;
        Ok(tree)
    }
}

/// Helm lays the documents of values.yaml over each other.
fn values(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let documents = yaml::documents(document::text("values.yaml", &bytes)?, "values.yaml")?;
    if documents.iter().all(|one| one.is_object() || one.is_null()) {
        return Ok(bytes);
    }
    Err(Refusal::new(Code::ChartBadValues, "values.yaml is no mapping", "write keys and values").into())
}

fn schema(bytes: Vec<u8>) -> Result<Vec<u8>> {
    match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => {
            Err(Refusal::new(Code::ChartBadValues, format!("values.schema.json is no JSON: {error}"), "mend the place that is named")
                .into())
        }
    }
}
