//! The processes of a `process-conf.xml`: beans of Spring, each with a map of settings.

use std::collections::{BTreeMap, HashSet};

use roxmltree::{Document, Node, ParsingOptions};

use super::problem::{InvalidConfiguration, quoted};

/// Elements and texts of a document, at most: a process has some dozens.
const NODES_MAX: u32 = 200_000;

/// Processes, at most.
const BEANS_MAX: usize = 1_000;

/// Beans that inherit from each other in a chain, at most.
const PARENTS_MAX: usize = 16;

/// The property that has a process's settings.
const SETTINGS: &str = "configOverrideMap";

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bean {
    /// What `process.bat` is called with.
    pub(super) id: String,
    /// Other names of it.
    pub(super) aliases: Vec<String>,
    /// By key, without those that have no value.
    pub(super) settings: BTreeMap<String, String>,
}

impl Bean {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// Reads the processes of a configuration, in its order.
pub(super) fn read(xml: &str) -> Result<Vec<Bean>, InvalidConfiguration> {
    let xml = xml.trim_start_matches('\u{feff}');
    refuse_entities(xml)?;
    // Data Loader's own samples have a document type. It is skipped: nothing outside is ever read.
    let options =
        ParsingOptions { allow_dtd: true, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| {
        let line = usize::try_from(error.pos().row).unwrap_or(usize::MAX);
        // Its position stands before it.
        let problem = error.to_string();
        let problem = problem.split(" at ").next().unwrap_or_default();
        at(line, format!("this is no XML: {}", ingest_core::shown(problem, 200)))
    })?;
    Reading { document: &document }.beans()
}

/// What an entity stands for can be anything, also another file, or very much text.
fn refuse_entities(xml: &str) -> Result<(), InvalidConfiguration> {
    match xml.find("<!ENTITY") {
        None => Ok(()),
        Some(place) => {
            let line = xml[..place].matches('\n').count() + 1;
            let problem = "entities are not read; write what it stands for in its place";
            Err(at(line, problem.to_owned()))
        }
    }
}

fn at(line: usize, problem: String) -> InvalidConfiguration {
    InvalidConfiguration::Line { line, problem }
}

struct Reading<'a> {
    document: &'a Document<'a>,
}

impl<'a> Reading<'a> {
    fn beans(&self) -> Result<Vec<Bean>, InvalidConfiguration> {
        let root = self.document.root_element();
        if root.tag_name().name() != "beans" {
            let name = quoted(root.tag_name().name());
            let problem =
                format!("this is {name} and not `beans`; name the process-conf.xml of Data Loader");
            return Err(self.at(root, problem));
        }
        let nodes: Vec<Node<'a, 'a>> = children(root, "bean").collect();
        if nodes.len() > BEANS_MAX {
            return Err(self.at(root, format!("there are more than {BEANS_MAX} beans")));
        }
        let mut ids = HashSet::new();
        for node in &nodes {
            if let Some(id) = id(*node)
                && !ids.insert(id)
            {
                return Err(self.at(*node, format!("the bean {} is there twice", quoted(id))));
            }
        }
        let processes = nodes.iter().filter(|node| {
            node.attribute("abstract") != Some("true") && self.is_process(**node, &nodes)
        });
        processes.map(|node| self.bean(*node, &nodes)).collect()
    }

    /// Schedulers and other helpers are beans too.
    fn is_process(&self, node: Node<'a, 'a>, all: &[Node<'a, 'a>]) -> bool {
        let chain = self.with_parents(node, all).unwrap_or_else(|_| vec![node]);
        chain.into_iter().any(|bean| {
            let class = bean.attribute("class").unwrap_or_default();
            class.ends_with(".ProcessRunner") || property(bean, SETTINGS).is_some()
        })
    }

    fn bean(&self, node: Node<'a, 'a>, all: &[Node<'a, 'a>]) -> Result<Bean, InvalidConfiguration> {
        let chain = self.with_parents(node, all)?;
        let mut settings = BTreeMap::new();
        // From the farthest parent to the bean itself.
        for bean in chain.iter().rev() {
            let Some(property) = property(*bean, SETTINGS) else { continue };
            let map = children(property, "map").chain(children(property, "props")).next();
            let Some(map) = map else {
                let problem = format!("`{SETTINGS}` has no `<map>`");
                return Err(self.at(property, problem));
            };
            let default = || self.document.root_element().attribute("default-merge");
            let merge = map.attribute("merge").filter(|merge| *merge != "default");
            if merge.or_else(default) != Some("true") {
                settings.clear();
            }
            self.read_map(map, &mut settings)?;
        }
        settings.retain(|_, value: &mut String| !value.is_empty());
        let named = property(node, "name").and_then(value_of);
        let aliases = node.attribute("name").into_iter().flat_map(|names| {
            names.split([',', ';', ' ']).filter(|name| !name.is_empty()).map(str::to_owned)
        });
        let aliases: Vec<String> = aliases.chain(named).collect();
        let id = match id(node) {
            Some(id) => id.to_owned(),
            None => aliases
                .first()
                .cloned()
                .ok_or_else(|| self.at(node, "this bean has no `id`; give it one".to_owned()))?,
        };
        Ok(Bean { id, aliases, settings })
    }

    fn read_map(
        &self,
        map: Node<'a, 'a>,
        settings: &mut BTreeMap<String, String>,
    ) -> Result<(), InvalidConfiguration> {
        for entry in map.children().filter(Node::is_element) {
            let key = match entry.attribute("key") {
                Some(key) => Some(key.to_owned()),
                None => children(entry, "key").next().and_then(value_of),
            };
            let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
            let Some(key) = key else {
                return Err(self.at(entry, "this entry has no `key`".to_owned()));
            };
            settings.insert(key, value_of(entry).unwrap_or_default());
        }
        Ok(())
    }

    /// A bean, its parent, the parent's parent and so on.
    fn with_parents(
        &self,
        node: Node<'a, 'a>,
        all: &[Node<'a, 'a>],
    ) -> Result<Vec<Node<'a, 'a>>, InvalidConfiguration> {
        let mut chain = vec![node];
        while let Some(name) = chain[chain.len() - 1].attribute("parent") {
            let parent = all.iter().find(|bean| id(**bean) == Some(name));
            let Some(parent) = parent else {
                let problem = format!("there is no bean {}, its parent", quoted(name));
                return Err(self.at(node, problem));
            };
            if chain.contains(parent) || chain.len() == PARENTS_MAX {
                let problem = format!("the bean {} is its own parent in the end", quoted(name));
                return Err(self.at(node, problem));
            }
            chain.push(*parent);
        }
        Ok(chain)
    }

    fn at(&self, node: Node<'_, '_>, problem: String) -> InvalidConfiguration {
        let row = self.document.text_pos_at(node.range().start).row;
        at(usize::try_from(row).unwrap_or(usize::MAX), problem)
    }
}

fn id<'a>(bean: Node<'a, 'a>) -> Option<&'a str> {
    bean.attribute("id").filter(|id| !id.is_empty())
}

fn property<'a>(bean: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    children(bean, "property").find(|property| property.attribute("name") == Some(name))
}

/// Children of this name, of whatever namespace: newer files have one, older ones none.
fn children<'a>(
    node: Node<'a, 'a>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'a>> + use<'a> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// What an element says: its attribute `value`, the element of that name, or its text.
fn value_of(node: Node<'_, '_>) -> Option<String> {
    if let Some(value) = node.attribute("value") {
        return Some(value.trim().to_owned());
    }
    let text_of = |node: Node<'_, '_>| {
        let texts: String =
            node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        texts.trim().to_owned()
    };
    let inner = node.children().find(|child| child.tag_name().name() == "value");
    Some(text_of(inner.unwrap_or(node))).filter(|text| !text.is_empty())
}
