//! XML as elements that know where they stand, with what they include taken in. The XML library shows nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use crate::{Error, parse::yaml::Place};

/// Files that include files that include files: more than this many is a circle.
const DEPTH: usize = 8;

#[derive(Clone, Debug)]
pub struct Element {
    pub place: Place,
    /// Local name: prefixes differ between venues.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Text directly inside, without blanks around it.
    pub text: String,
    /// Whether the text is blanks and nothing else.
    pub is_blank: bool,
    pub children: Vec<Element>,
}

/// Reads the root element of `path`; adds each file that is read to `inputs`.
pub fn read(path: &Path, inputs: &mut Vec<PathBuf>) -> Result<Element, Error> {
    load(path, inputs, 0)
}

fn load(path: &Path, inputs: &mut Vec<PathBuf>, depth: usize) -> Result<Element, Error> {
    let text = fs::read_to_string(path)
        .map_err(|cause| Error::new(path, format!("cannot be read: {cause}"), "name an SBE schema in UTF-8"))?;
    inputs.push(path.to_owned());
    // Schemas come with an empty DOCTYPE; entities are limited by the library.
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&text, options).map_err(|cause| {
        let position = cause.pos();
        Error::new(path, format!("is not XML: {cause}"), "mend it there")
            .at(position.row as usize, position.col as usize)
    })?;
    element(&Rc::from(path), document.root_element(), inputs, depth)
}

fn element(
    file: &Rc<Path>,
    node: roxmltree::Node<'_, '_>,
    inputs: &mut Vec<PathBuf>,
    depth: usize,
) -> Result<Element, Error> {
    let position = node.document().text_pos_at(node.range().start);
    let place = Place { file: Rc::clone(file), line: position.row as usize, column: position.col as usize };
    let mut children = Vec::new();
    for child in node.children().filter(roxmltree::Node::is_element) {
        let child = element(file, child, inputs, depth)?;
        if child.name == "include" {
            children.push(included(file, &child, inputs, depth)?);
        } else {
            children.push(child);
        }
    }
    let text: String = node.children().filter(roxmltree::Node::is_text).filter_map(|text| text.text()).collect();
    Ok(Element {
        place,
        name: node.tag_name().name().to_owned(),
        attributes: node.attributes().map(|each| (each.name().to_owned(), each.value().to_owned())).collect(),
        is_blank: !text.is_empty() && text.trim().is_empty(),
        text: text.trim().to_owned(),
        children,
    })
}

fn included(file: &Path, include: &Element, inputs: &mut Vec<PathBuf>, depth: usize) -> Result<Element, Error> {
    let href = include.need("href")?;
    let path = file.with_file_name(href);
    if depth >= DEPTH {
        return Err(include.place.error(format!("includes {href}, {DEPTH} files deep"), "end the circle of includes"));
    }
    if !path.exists() {
        let problem = format!("includes {href}, which is not there");
        return Err(include.place.error(problem, format!("put it at {}", path.display())));
    }
    load(&path, inputs, depth + 1)
}

impl Element {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim())
    }

    pub fn need(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| {
            let problem = format!("<{}> has no {name}", self.name);
            self.place.error(problem, format!("add {name}=\"..\""))
        })
    }

    /// An attribute that counts; `default` where it is left out.
    pub fn number(&self, name: &str, default: u64) -> Result<u64, Error> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|_| self.place.error(format!("{name}=\"{text}\" is no number"), "write digits"))
    }

    /// As [`number`](Self::number), of at most 16 bits.
    pub fn small(&self, name: &str) -> Result<Option<usize>, Error> {
        if self.get(name).is_none() {
            return Ok(None);
        }
        match u16::try_from(self.number(name, 0)?) {
            Ok(value) => Ok(Some(usize::from(value))),
            Err(_) => Err(self.place.error(format!("{name} is over 65535"), "lengths and offsets have 16 bits")),
        }
    }
}
