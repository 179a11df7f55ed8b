//! YAML text as a tree of nodes that know where they stand. The YAML library shows nowhere else.

use std::{fs, path::Path, rc::Rc};

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;

use crate::Error;

/// Where a node stands.
#[derive(Clone, Debug)]
pub struct Place {
    pub file: Rc<Path>,
    pub line: usize,
    pub column: usize,
}

impl Place {
    pub fn error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::new(&self.file, problem, remedy).at(self.line, self.column)
    }
}

#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

/// Scalars stay text: `N`, `1` and `"1"` are codes here, not truth values and numbers.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Reads the one YAML document of `path`.
pub fn read(path: &Path) -> Result<Node, Error> {
    let text = fs::read_to_string(path)
        .map_err(|cause| Error::new(path, format!("cannot be read: {cause}"), "name a description in UTF-8"))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Node, Error> {
    let broken = |error: &saphyr::ScanError| {
        Error::new(path, format!("is not YAML: {}", error.info()), "mend it there")
            .at(error.marker().line(), error.marker().col() + 1)
    };
    let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
    loader.early_parse(false);
    Parser::new_from_str(text).load(&mut loader, true).map_err(|error| broken(&error))?;
    if let Some(error) = loader.error() {
        return Err(broken(error));
    }
    let file: Rc<Path> = path.into();
    match loader.into_documents().as_slice() {
        [document] => node(&file, document),
        documents => Err(Error::new(path, format!("has {} YAML documents", documents.len()), "keep one a file")),
    }
}

fn node(file: &Rc<Path>, yaml: &MarkedYaml<'_>) -> Result<Node, Error> {
    let place = Place { file: Rc::clone(file), line: yaml.span.start.line(), column: yaml.span.start.col() + 1 };
    let value = match &yaml.data {
        YamlData::Representation(text, ScalarStyle::Plain, _) if matches!(text.as_ref(), "" | "~" | "null") => {
            Value::Null
        }
        YamlData::Representation(text, ..) => Value::Text(text.to_string()),
        YamlData::Sequence(items) => Value::List(items.iter().map(|item| node(file, item)).collect::<Result<_, _>>()?),
        YamlData::Mapping(entries) => Value::Map(map(file, entries.iter())?),
        _ => return Err(place.error("is neither text, list nor mapping", "leave tags out")),
    };
    Ok(Node { place, value })
}

fn map<'a, 'b: 'a>(
    file: &Rc<Path>,
    entries: impl Iterator<Item = (&'a MarkedYaml<'b>, &'a MarkedYaml<'b>)>,
) -> Result<Vec<(String, Node)>, Error> {
    let mut map: Vec<(String, Node)> = Vec::new();
    for (key, value) in entries {
        let key = node(file, key)?;
        let Value::Text(name) = &key.value else {
            return Err(key.place.error("a key is not text", "quote it"));
        };
        // The library tells duplicates by text and quoting; here `A` and "A" are the same code.
        if map.iter().any(|(taken, _)| taken == name) {
            return Err(key.place.error(format!("{name:?} stands twice"), "keep one of them"));
        }
        map.push((name.clone(), node(file, value)?));
    }
    Ok(map)
}

impl Node {
    /// The value under `key` of a mapping; `None` where it is missing or null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
            .filter(|node| !matches!(node.value, Value::Null))
    }

    pub fn need(&self, key: &str) -> Result<&Node, Error> {
        self.get(key).ok_or_else(|| self.place.error(format!("{key} is missing"), format!("add {key}:")))
    }

    pub fn text(&self) -> Result<&str, Error> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.place.error("a text or number is wanted here", "write one value")),
        }
    }

    pub fn number(&self) -> Result<u64, Error> {
        let text = self.text()?;
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        parsed.map_err(|_| {
            self.place.error(format!("{text:?} is not a whole number"), "write digits, or 0x and hex digits")
        })
    }

    pub fn list(&self) -> Result<&[Node], Error> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.place.error("a list is wanted here", "write [..] or lines that start with -")),
        }
    }

    pub fn map(&self) -> Result<&[(String, Node)], Error> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.place.error("a mapping is wanted here", "write {key: value} or lines of key: value")),
        }
    }

    /// The text under `key`, or `default`.
    pub fn text_or(&self, key: &str, default: &str) -> Result<String, Error> {
        self.get(key).map_or(Ok(default.to_owned()), |node| node.text().map(str::to_owned))
    }

    /// Refuses keys that mean nothing here.
    pub fn only(&self, known: &[&str]) -> Result<(), Error> {
        for (key, node) in self.map()? {
            if !known.contains(&key.as_str()) {
                return Err(node
                    .place
                    .error(format!("{key} means nothing here"), format!("use one of {}", known.join(", "))));
            }
        }
        Ok(())
    }
}
