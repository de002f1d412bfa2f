//! Where the charts and versions of an index stand among its lines.

use super::foreign;
use crate::{
    lines::{Line, key_value, lines, parts, simple},
    refusal::Result,
    yaml::natural,
};
use std::{cmp::Ordering, ops::Range};

/// The places of an index that an entry of one chart touches, as byte offsets at starts of lines.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The chart's own lines.
    pub(super) block: Option<Block>,
    /// Where the chart's lines would stand.
    pub(super) place: usize,
    /// Column of the charts' names.
    pub(super) indent: usize,
    /// The line `generated: …`.
    pub(super) generated: Option<Range<usize>>,
    /// The line `entries: {}`.
    pub(super) empty_header: Option<Range<usize>>,
}

/// The lines of a chart, with the one of its name.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) range: Range<usize>,
    /// Byte offset after the line of its name.
    pub(super) body: usize,
    /// Column of its name.
    pub(super) indent: usize,
}

/// A version of a chart.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Column of its dash.
    pub(super) dash: usize,
    pub(super) version: &'a str,
    pub(super) digest: Option<&'a str>,
}

/// Which part of an index is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    BeforeEntries,
    Entries,
    AfterEntries,
}

/// What is known of an index while its lines are read.
#[derive(Debug)]
struct Scan<'n> {
    name: &'n str,
    layout: Layout,
    has_api_version: bool,
    section: Section,
    has_chart: bool,
    is_block_open: bool,
    indent: Option<usize>,
    place: Option<usize>,
}

impl Layout {
    /// Finds a chart in an index.
    pub(super) fn of(index: &str, name: &str) -> Result<Self> {
        if index.starts_with('\u{feff}') || index.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n")) {
            return Err(foreign("has a byte order mark or Windows line ends"));
        }
        let mut scan = Scan {
            name,
            layout: Self::default(),
            has_api_version: false,
            section: Section::BeforeEntries,
            has_chart: false,
            is_block_open: false,
            indent: None,
            place: None,
        };
        for line in lines(index, 0) {
            let indent = line.indent();
            let is_deep = indent > 0 && (scan.section != Section::Entries || scan.indent.is_some_and(|column| indent > column));
            if is_deep || line.is_silent() {
                continue;
            }
            if indent == 0 { scan.top(&line)? } else { scan.chart(&line, indent)? }
        }
        scan.close(index.len());
        if !scan.has_api_version || scan.section == Section::BeforeEntries {
            return Err(foreign("has no `apiVersion:` and `entries:` at the start of a line"));
        }
        scan.layout.place = scan.place.unwrap_or(scan.layout.place);
        scan.layout.indent = scan.indent.unwrap_or(2);
        Ok(scan.layout)
    }
}

impl Scan<'_> {
    /// A line at the left margin.
    fn top(&mut self, line: &Line<'_>) -> Result<()> {
        if line.text.starts_with("- ") && self.section != Section::Entries || line.text == "---" && line.start == 0 {
            return Ok(());
        }
        let (key, rest) = key_value(line.text).ok_or_else(|| foreign("is not a mapping with one key a line"))?;
        self.close(line.start);
        match &*key {
            "apiVersion" => self.has_api_version = true,
            "generated" if self.layout.generated.is_none() => self.layout.generated = Some(line.start..line.end),
            "entries" if self.section == Section::BeforeEntries => {
                self.section = Section::Entries;
                match parts(rest).1 {
                    "" => {}
                    "{}" | "null" | "~" => self.layout.empty_header = Some(line.start..line.end),
                    _ => return Err(foreign("has its entries in a flow mapping")),
                }
            }
            "generated" | "entries" => return Err(foreign("has a key twice")),
            _ => {}
        }
        Ok(())
    }

    /// A line at the column of the charts' names, or left of it.
    fn chart(&mut self, line: &Line<'_>, indent: usize) -> Result<()> {
        let column = *self.indent.get_or_insert(indent);
        let text = line.text.get(indent..).unwrap_or_default();
        if indent == column && text.starts_with("- ") && self.has_chart {
            return Ok(());
        }
        let pair = key_value(text).filter(|_| indent == column && self.layout.empty_header.is_none());
        let (key, rest) = pair.ok_or_else(|| foreign("has charts whose names are not one a line"))?;
        let (lead, value, _) = parts(rest);
        if !lead.trim().is_empty() || !matches!(value, "" | "[]" | "null" | "~") {
            return Err(foreign("has versions that are not one field a line"));
        }
        self.close_block(line.start);
        self.has_chart = true;
        if key == self.name {
            if self.layout.block.is_some() {
                return Err(foreign("has a chart twice"));
            }
            self.layout.block = Some(Block { range: line.start..line.end, body: line.end, indent });
            self.is_block_open = true;
        } else if self.place.is_none() && natural(&key, self.name) == Ordering::Greater {
            self.place = Some(line.start);
        }
        Ok(())
    }

    fn close_block(&mut self, end: usize) {
        if let Some(block) = self.layout.block.as_mut().filter(|_| self.is_block_open) {
            block.range.end = end;
        }
        self.is_block_open = false;
    }

    /// The entries end here, if they were being read.
    fn close(&mut self, end: usize) {
        self.close_block(end);
        if self.section == Section::Entries {
            self.layout.place = end;
            self.section = Section::AfterEntries;
        }
    }
}

impl Block {
    /// The versions, in the order in which they stand.
    pub(super) fn items<'a>(&self, index: &'a str) -> Result<Vec<Item<'a>>> {
        let mut items: Vec<Item<'a>> = Vec::new();
        let mut columns: Option<(usize, usize)> = None;
        for line in lines(index, self.body).take_while(|line| line.start < self.range.end) {
            let indent = line.indent();
            if columns.is_some_and(|(_, field)| indent > field || indent == field && is_other_field(&line, indent)) || line.is_silent() {
                continue;
            }
            let mut text = line.text.get(indent..).unwrap_or_default();
            if let Some(first) = text.strip_prefix("- ").filter(|_| columns.is_none_or(|(dash, _)| dash == indent)) {
                text = first.trim_start_matches(' ');
                let field = line.text.len() - text.len();
                if columns.is_some_and(|(_, known)| known != field) {
                    return Err(foreign("has versions that are indented differently"));
                }
                columns = Some((indent, field));
                if let Some(before) = items.last_mut() {
                    before.end = line.start;
                }
                items.push(Item { start: line.start, end: self.range.end, dash: indent, version: "", digest: None });
            } else if text.starts_with("- ") && columns.is_some_and(|(_, field)| field == indent) {
                continue;
            } else if columns.is_none_or(|(_, field)| field != indent) {
                return Err(foreign("has versions that are not one field a line"));
            }
            if let Some(item) = items.last_mut() {
                item.read(text)?;
            }
        }
        Ok(items)
    }
}

/// A field that is not asked for, told without reading on: an index has a million lines.
fn is_other_field(line: &Line<'_>, indent: usize) -> bool {
    let text = line.text.as_bytes().get(indent..).unwrap_or_default();
    text.first().is_some_and(u8::is_ascii_alphabetic) && !text.starts_with(b"version") && !text.starts_with(b"digest")
}

impl<'a> Item<'a> {
    /// Reads the start of a field.
    fn read(&mut self, text: &'a str) -> Result<()> {
        let (key, rest) = key_value(text).ok_or_else(|| foreign("has versions that are not one field a line"))?;
        match &*key {
            "version" if self.version.is_empty() => {
                self.version = simple(rest).ok_or_else(|| foreign("has a version that is not plain"))?;
            }
            "digest" if self.digest.is_none() => self.digest = simple(rest),
            "version" | "digest" => return Err(foreign("has a version with a key twice")),
            _ => {}
        }
        Ok(())
    }
}
