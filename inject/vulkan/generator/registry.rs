//! What the registry says, as far as it is needed.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Document, Node};

pub(crate) struct Registry {
    /// `VK_HEADER_VERSION`.
    pub(crate) version: String,
    /// Types whose values are handles.
    pub(crate) handles: BTreeSet<String>,
    pub(crate) structs: BTreeMap<String, Vec<Variable>>,
    pub(crate) commands: BTreeMap<String, Prototype>,
}

#[derive(Clone)]
pub(crate) struct Prototype {
    pub(crate) returns: String,
    pub(crate) parameters: Vec<Variable>,
    /// The command that this one is another name of.
    pub(crate) alias_of: Option<String>,
}

/// A parameter or a member.
#[derive(Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// The type's name, without pointers.
    pub(crate) of: String,
    /// The C declaration, less the name.
    pub(crate) before: String,
    pub(crate) after: String,
    /// The parameter or member that holds its length.
    pub(crate) length: Option<String>,
    /// `true`, `maybe`, or a path of members.
    pub(crate) external_sync: Option<String>,
}

impl Variable {
    pub(crate) fn is_pointer(&self) -> bool {
        self.before.contains('*')
    }
}

impl Registry {
    pub(crate) fn of(document: &Document<'_>) -> Result<Self, String> {
        let root = document.root_element();
        let version = root
            .descendants()
            .filter(|node| node.has_tag_name("type"))
            .find(|node| {
                child_text(*node, "name") == Some("VK_HEADER_VERSION")
                    && node.attribute("api").unwrap_or("vulkan") == "vulkan"
            })
            .and_then(|node| node.last_child()?.text())
            .map(|text| text.chars().filter(char::is_ascii_digit).collect())
            .ok_or("the registry has no VK_HEADER_VERSION")?;
        let mut registry = Registry {
            version,
            handles: BTreeSet::new(),
            structs: BTreeMap::new(),
            commands: BTreeMap::new(),
        };
        for node in root.descendants().filter(Node::is_element) {
            match (node.tag_name().name(), node.attribute("category")) {
                ("type", Some("handle")) => {
                    let name = child_text(node, "name").or(node.attribute("name"));
                    registry.handles.extend(name.map(str::to_owned));
                }
                ("type", Some("struct")) => {
                    let name = node.attribute("name").unwrap_or_default().to_owned();
                    let members = variables(node, "member");
                    registry.structs.insert(name, members);
                }
                ("command", _) => registry.command(node),
                _ => {}
            }
        }
        registry.resolve_aliases()?;
        Ok(registry)
    }

    fn command(&mut self, node: Node<'_, '_>) {
        let is_ours = |api: &str| api.split(',').any(|one| one == "vulkan");
        if !node.attribute("api").is_none_or(is_ours) {
            return;
        }
        if let (Some(name), Some(alias)) = (node.attribute("name"), node.attribute("alias")) {
            let prototype = Prototype {
                returns: String::new(),
                parameters: Vec::new(),
                alias_of: Some(alias.to_owned()),
            };
            self.commands.insert(name.to_owned(), prototype);
        } else if let Some(proto) = node.children().find(|child| child.has_tag_name("proto")) {
            let prototype = Prototype {
                returns: child_text(proto, "type").unwrap_or_default().to_owned(),
                parameters: variables(node, "param"),
                alias_of: None,
            };
            let name = child_text(proto, "name").unwrap_or_default();
            self.commands.insert(name.to_owned(), prototype);
        }
    }

    /// Gives each alias the prototype of the command it stands for.
    fn resolve_aliases(&mut self) -> Result<(), String> {
        for name in self.commands.keys().cloned().collect::<Vec<_>>() {
            let Some(mut target) = self.commands[&name].alias_of.clone() else {
                continue;
            };
            let prototype = loop {
                let prototype = self
                    .commands
                    .get(&target)
                    .ok_or_else(|| format!("{name} is an alias of {target}, which is missing"))?;
                match &prototype.alias_of {
                    Some(further) if prototype.parameters.is_empty() => target.clone_from(further),
                    _ => break prototype.clone(),
                }
            };
            let resolved = Prototype {
                alias_of: Some(target),
                ..prototype
            };
            self.commands.insert(name, resolved);
        }
        Ok(())
    }
}

fn variables(node: Node<'_, '_>, tag: &str) -> Vec<Variable> {
    node.children()
        .filter(|child| child.has_tag_name(tag))
        .filter(|child| child.attribute("api").is_none_or(|api| api == "vulkan"))
        .map(variable)
        .collect()
}

fn variable(node: Node<'_, '_>) -> Variable {
    let mut variable = Variable {
        name: child_text(node, "name").unwrap_or_default().to_owned(),
        of: child_text(node, "type").unwrap_or_default().to_owned(),
        before: String::new(),
        after: String::new(),
        length: node.attribute("len").map(str::to_owned),
        external_sync: node.attribute("externsync").map(str::to_owned),
    };
    let mut named = false;
    for child in node.children() {
        let text = child.text().unwrap_or_default();
        match child.tag_name().name() {
            "name" => named = true,
            "comment" => {}
            _ if named => variable.after.push_str(text),
            _ => variable.before.push_str(text),
        }
    }
    variable
}

fn child_text<'a>(node: Node<'a, '_>, tag: &str) -> Option<&'a str> {
    node.children()
        .find(|child| child.has_tag_name(tag))
        .and_then(|child| child.text())
}
