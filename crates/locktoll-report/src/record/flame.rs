//! The wait flame graph: time waited for locks by call stack, callers above.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::model::{Record, Stack};
use crate::format::{duration_ns, share};
use crate::plots::svg::{Drawing, Layout, Px, fitted, outside};

const ROW_PX: f64 = 19.0;
/// Narrower boxes are left out: nobody can see them.
const NARROWEST_PX: f64 = 0.8;
/// Between a box and its words.
const INSET_PX: f64 = 4.0;
/// Deeper frames are not drawn.
const DEEPEST: usize = 40;
/// Fills that neighbours take in turn.
const FILLS: [&str; 3] = ["c1", "c2", "c3"];

/// A function with the time waited in it and below.
#[derive(Debug, Default)]
struct Node {
    wait_ns: f64,
    callees: BTreeMap<String, Node>,
}

impl Node {
    fn of(stacks: &[Stack]) -> Self {
        let mut root = Self::default();
        for stack in stacks.iter().filter(|stack| stack.wait_ns > 0.0) {
            root.wait_ns += stack.wait_ns;
            let mut at = &mut root;
            let lock = format!("[{}]", stack.lock);
            for frame in stack.frames.iter().take(DEEPEST).chain([&lock]) {
                at = at.callees.entry(frame.clone()).or_default();
                at.wait_ns += stack.wait_ns;
            }
        }
        root
    }

    /// Rows below this one whose boxes are wide enough to be seen.
    fn depth(&self, px_per_ns: f64) -> usize {
        let below = self
            .callees
            .values()
            .filter(|callee| callee.wait_ns * px_per_ns >= NARROWEST_PX);
        below
            .map(|callee| 1 + callee.depth(px_per_ns))
            .max()
            .unwrap_or(0)
    }
}

/// The graph; nothing where nobody waited.
pub(super) fn draw(record: &Record, layout: Layout) -> Option<Drawing> {
    let root = Node::of(&record.stacks);
    if root.wait_ns <= 0.0 || !root.wait_ns.is_finite() {
        return None;
    }
    let px_per_ns = layout.width() / root.wait_ns;
    let mut boxes = Vec::new();
    place(&root, (0.0, 0), (px_per_ns, root.wait_ns), &mut boxes);
    let heaviest = record
        .stacks
        .iter()
        .max_by(|a, b| a.wait_ns.total_cmp(&b.wait_ns));
    let description = heaviest.map_or_else(String::new, |stack| {
        format!(
            "{} of waits by call stack. The heaviest stack has {}: {}, for {}.",
            duration_ns(root.wait_ns),
            share(stack.wait_ns / root.wait_ns),
            stack.frames.join(", "),
            stack.lock
        )
    });
    Some(Drawing {
        name: "waits".to_owned(),
        title: "Time waited for locks, by call stack".to_owned(),
        description: outside(&description),
        layout,
        height: root.depth(px_per_ns) as f64 * ROW_PX,
        body: html! { @for part in &boxes { (part) } },
    })
}

/// Puts the callees of a node below it, side by side in the order of their names.
fn place(
    node: &Node,
    (x, row): (f64, usize),
    (px_per_ns, all_ns): (f64, f64),
    boxes: &mut Vec<Markup>,
) {
    let mut left = x;
    for (index, (name, callee)) in node.callees.iter().enumerate() {
        let width = callee.wait_ns * px_per_ns;
        if width >= NARROWEST_PX {
            let fill = FILLS[(index + row) % FILLS.len()];
            boxes.push(one(
                name,
                callee.wait_ns,
                all_ns,
                (left, row as f64 * ROW_PX, width),
                fill,
            ));
            place(callee, (left, row + 1), (px_per_ns, all_ns), boxes);
        }
        left += width;
    }
}

fn one(
    name: &str,
    wait_ns: f64,
    all_ns: f64,
    (x, y, width): (f64, f64, f64),
    fill: &str,
) -> Markup {
    let name = outside(name);
    let words = fitted(&name, width - 2.0 * INSET_PX);
    let room = width > 4.0 * INSET_PX && words != "…";
    html! {
        g {
            title { (name) ": " (duration_ns(wait_ns)) ", " (share(wait_ns / all_ns)) }
            rect class=(fill) x=(Px(x)) y=(Px(y)) width=(Px((width - 1.0).max(0.5))) height=(Px(ROW_PX - 1.0)) {}
            @if room { text x=(Px(x + INSET_PX)) y=(Px(y + 13.0)) { (words) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &[&str], wait_ns: f64) -> Stack {
        Stack {
            lock: "l".to_owned(),
            frames: frames.iter().map(|&frame| frame.to_owned()).collect(),
            waits: 1.0,
            wait_ns,
        }
    }

    #[test]
    fn a_callers_time_is_that_of_its_callees() {
        let root = Node::of(&[
            stack(&["main", "a"], 3.0),
            stack(&["main", "b"], 5.0),
            stack(&["other"], 2.0),
        ]);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(root.wait_ns, 10.0);
        near(root.callees["main"].wait_ns, 8.0);
        near(root.callees["main"].callees["b"].wait_ns, 5.0);
        near(root.callees["other"].callees["[l]"].wait_ns, 2.0);
        assert_eq!(root.depth(1.0), 3);
        assert_eq!(
            root.depth(0.1),
            1,
            "a, b and other are too narrow to be seen, but main is not"
        );
    }
}
