//! Which commands are hooked, and which sections each one enters.

use std::collections::BTreeSet;

use super::declaration::{returned, rust_type, snake_case};
use super::registry::{Prototype, Registry, Variable};

/// One line of a table.
pub(crate) struct Hook {
    /// The type of its first parameter.
    pub(crate) first: String,
    pub(crate) line: String,
}

/// A command that is not in a table.
pub(crate) struct Left {
    pub(crate) first: String,
    pub(crate) command: String,
    pub(crate) reason: &'static str,
}

const BY_HAND: &str = "but written by hand in `by_hand.rs`";
const WAITS: &str = "since it waits for what another thread may have to do, and a lock held meanwhile \
                     would keep that thread out";
const NEWER: &str = "since this `ash` has no type for it";
const ELSEWHERE: &str = "since it belongs to other systems";
const OLD: &str = "since it names its object in a way of its own, in an extension that \
                   `VK_EXT_debug_utils` has replaced";

/// Commands that need more than sections.
const WRITTEN_BY_HAND: [&str; 9] = [
    "vkAllocateCommandBuffers",
    "vkDestroyCommandPool",
    "vkDestroyDevice",
    "vkDeviceWaitIdle",
    "vkFreeCommandBuffers",
    "vkQueueSubmit",
    "vkQueueSubmit2",
    "vkQueueSubmit2KHR",
    "vkQueueWaitIdle",
];

const WAITING: [&str; 3] = [
    "vkAcquireNextImage2KHR",
    "vkAcquireNextImageKHR",
    "vkWaitForPresentKHR",
];

/// What the specification's text demands, or later registries mark, and early registries do not.
const ALSO: [(&str, &str); 5] = [
    ("vkBindBufferMemory2", "pBindInfos[].buffer"),
    ("vkBindImageMemory2", "pBindInfos[].image"),
    ("vkUpdateDescriptorSetWithTemplate", "descriptorSet"),
    ("vkUpdateDescriptorSets", "pDescriptorWrites[].dstSet"),
    ("vkUpdateDescriptorSets", "pDescriptorCopies[].dstSet"),
];

/// A lock to be had during a command.
///
/// Sections are entered in this order, so that nothing is waited for inside a pool's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Object(String),
    Queue(String),
    Pool(String),
}

pub(crate) fn hooks(
    registry: &Registry,
    known: &BTreeSet<String>,
) -> Result<(Vec<Hook>, Vec<Left>), String> {
    let mut hooks = Vec::new();
    let mut left = Vec::new();
    for (name, prototype) in &registry.commands {
        let Some(first) = prototype.parameters.first().map(|first| first.of.clone()) else {
            continue;
        };
        if !["VkCommandBuffer", "VkQueue", "VkDevice"].contains(&first.as_str()) {
            continue;
        }
        let target = prototype.alias_of.as_deref().unwrap_or(name);
        let sections = sections(registry, target, prototype)?;
        if sections.is_empty() && !WRITTEN_BY_HAND.contains(&name.as_str()) {
            continue;
        }
        let reason = if WRITTEN_BY_HAND.contains(&name.as_str()) {
            BY_HAND
        } else if WAITING.contains(&name.as_str()) {
            WAITS
        } else if name.starts_with("vkDebugMarkerSet") {
            OLD
        } else if ["Win32", "Zircon", "ANDROID"]
            .iter()
            .any(|system| name.contains(system))
        {
            ELSEWHERE
        } else if !known.contains(target) {
            NEWER
        } else {
            hooks.push(Hook {
                first,
                line: line(name, target, prototype, &sections),
            });
            continue;
        };
        left.push(Left {
            first,
            command: name.clone(),
            reason,
        });
    }
    left.sort_by_key(|left| (left.reason, left.command.clone()));
    Ok((hooks, left))
}

/// `name "vkName" PFN_vkName (a: A, b: B) -> R [sections] tally;`
fn line(name: &str, target: &str, prototype: &Prototype, sections: &[Section]) -> String {
    let parameters: Vec<_> = prototype
        .parameters
        .iter()
        .map(|each| format!("{}: {}", snake_case(&each.name), rust_type(each)))
        .collect();
    let sections: Vec<_> = sections
        .iter()
        .map(|section| match section {
            Section::Object(call) | Section::Queue(call) | Section::Pool(call) => call.as_str(),
        })
        .collect();
    let tally = match name {
        _ if name.starts_with("vkCmdDispatch") => "dispatch",
        _ if name.starts_with("vkCmdDraw") => "draw",
        _ if name.starts_with("vkCmd") => "command",
        _ => "nothing",
    };
    format!(
        "{} c\"{name}\" PFN_{target} ({}) -> {} [{}] {tally};",
        snake_case(name.strip_prefix("vk").unwrap_or(name)),
        parameters.join(", "),
        returned(&prototype.returns),
        sections.join(", "),
    )
}

fn sections(
    registry: &Registry,
    name: &str,
    prototype: &Prototype,
) -> Result<Vec<Section>, String> {
    let mut sections = Vec::new();
    let first = &prototype.parameters[0];
    // Registries differ in which of these they mark; the text says all.
    if name.starts_with("vkCmd") && first.of == "VkCommandBuffer" {
        sections.push(Section::Pool(format!(
            "buffer({})",
            snake_case(&first.name)
        )));
    }
    if name.starts_with("vkQueue") && first.of == "VkQueue" {
        sections.push(Section::Queue(format!(
            "queue({})",
            snake_case(&first.name)
        )));
    }
    for parameter in &prototype.parameters {
        match parameter.external_sync.as_deref() {
            Some(paths) if paths.contains("->") || paths.contains("[]") => {
                for path in paths.split(',') {
                    sections.push(member(registry, prototype, path.trim())?);
                }
            }
            Some(_) if registry.handles.contains(&parameter.of) => {
                sections.extend(handle(name, parameter));
            }
            _ => {
                let members = registry.structs.get(&parameter.of).into_iter().flatten();
                for marked in members.filter(|member| member.external_sync.is_some()) {
                    let arrow = if parameter.length.is_some() {
                        "[]."
                    } else {
                        "->"
                    };
                    let end = if marked.length.is_some() { "[]" } else { "" };
                    let path = format!("{}{arrow}{}{end}", parameter.name, marked.name);
                    sections.push(member(registry, prototype, &path)?);
                }
            }
        }
    }
    for (_, path) in ALSO.iter().filter(|(command, _)| *command == name) {
        match prototype.parameters.iter().find(|each| each.name == *path) {
            Some(parameter) => sections.extend(handle(name, parameter)),
            None => sections.push(member(registry, prototype, path)?),
        }
    }
    sections.sort();
    sections.dedup();
    Ok(sections)
}

/// The section of a parameter that is a handle or an array of handles.
fn handle(command: &str, parameter: &Variable) -> Option<Section> {
    let name = snake_case(&parameter.name);
    let dies = command.starts_with("vkDestroy") || command.starts_with("vkFree");
    Some(match (parameter.of.as_str(), &parameter.length) {
        // Command buffers in an array are of the pool that is named beside them.
        ("VkDevice", _) | ("VkCommandBuffer", Some(_)) => return None,
        ("VkCommandBuffer", None) => Section::Pool(format!("buffer({name})")),
        ("VkCommandPool", _) => Section::Pool(format!("pool({name})")),
        ("VkQueue", _) => Section::Queue(format!("queue({name})")),
        (_, Some(length)) => {
            let enter = if dies { "dying_all" } else { "objects" };
            Section::Object(format!(
                "{enter}(slice({name}, {}).iter().copied())",
                snake_case(length)
            ))
        }
        (_, None) if dies && command != "vkFreeDescriptorSets" => {
            Section::Object(format!("dying({name})"))
        }
        (_, None) => Section::Object(format!("object({name})")),
    })
}

/// The section of a path: `a->m`, `a->m[]` or `a[].m`.
fn member(registry: &Registry, prototype: &Prototype, path: &str) -> Result<Section, String> {
    let missing = || format!("the path {path} leads nowhere");
    let (of, is_array, name) = match (path.split_once("->"), path.split_once("[].")) {
        (Some((of, name)), _) => (of, false, name),
        (_, Some((of, name))) => (of, true, name),
        _ => return Err(missing()),
    };
    let parameter = prototype
        .parameters
        .iter()
        .find(|each| each.name == of)
        .ok_or_else(missing)?;
    debug_assert!(parameter.is_pointer(), "a path begins with a pointer");
    let variable = snake_case(of);
    let (name, members) = match name.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let field = snake_case(name);
    if name == "objectHandle" {
        return Ok(Section::Pool(format!(
            "named((*{variable}).object_type, (*{variable}).object_handle)"
        )));
    }
    let call = if is_array {
        let length = parameter.length.as_deref().ok_or_else(missing)?;
        format!(
            "objects(slice({variable}, {}).iter().map(|each| each.{field}))",
            snake_case(length)
        )
    } else if members {
        let length = registry
            .structs
            .get(&parameter.of)
            .and_then(|all| all.iter().find(|member| member.name == name))
            .and_then(|member| member.length.as_deref())
            .ok_or_else(missing)?;
        format!(
            "objects(slice((*{variable}).{field}, (*{variable}).{}).iter().copied())",
            snake_case(length)
        )
    } else {
        format!("object((*{variable}).{field})")
    };
    Ok(Section::Object(call))
}
