//! `what-if.html`: the page of an experiment.

use maud::{Markup, html};

use super::model::WhatIf;
use super::{agreement, course, gains, response, rows, wording};
use crate::format::plural;
use crate::html::both;
use crate::html::page::{self, Column, Head, Section, figure, table};
use crate::plots::svg::outside;
use crate::text::command;

/// Writes a result as a page of HTML.
#[must_use]
pub fn render(result: &WhatIf) -> String {
    let head = Head {
        title: outside(&format!("What if {} were held shorter", result.lock.name)),
        about: outside(&format!(
            "{} · {} · {}",
            command(&result.command),
            plural(result.blocks, "block"),
            plural(result.runs.len() as u64, "run")
        )),
        answer: answer(result),
        source: Some("what-if.json"),
    };
    let candidates: [(&'static str, &'static str, Option<Markup>); 5] = [
        (
            "response",
            "What arrives of what is added",
            responses(result),
        ),
        ("cuts", "What a cut would bring", cuts(result)),
        (
            "replica",
            "Whether the replica answers alike",
            replica(result),
        ),
        ("order", "Course of the runs", order(result)),
        ("data", "Data and environment", Some(data(result))),
    ];
    let sections: Vec<Section> = candidates
        .into_iter()
        .filter_map(|(id, heading, body)| {
            Some(Section {
                id,
                heading,
                body: body?,
            })
        })
        .collect();
    page::write(&head, &sections)
}

fn answer(result: &WhatIf) -> Markup {
    html! {
        p .lead {
            @for (index, sentence) in wording::answer(result, outside).iter().enumerate() {
                @if index > 0 { " " }
                (sentence)
            }
        }
        div .trust { @for sentence in wording::evidence(result) { p { (sentence) } } }
        @for warning in &result.warnings { p .aside { (outside(warning)) } }
    }
}

fn responses(result: &WhatIf) -> Option<Markup> {
    let drawings = both(|layout| response::draw(result, layout));
    (!drawings.is_empty()).then(|| {
        figure(
            &drawings,
            "Each thin line is one block, from its run without any addition. The axes of both panels are the \
             same; that of the time need not begin at zero. The upper broken line is where a run would be if all that was added arrived, \
             the level one where it would be if nothing did.",
        )
    })
}

fn cuts(result: &WhatIf) -> Option<Markup> {
    let drawings = both(|layout| gains::draw(result, layout));
    (!drawings.is_empty()).then(|| {
        let columns = rows::CUTS.map(|name| (name, Column::Figure));
        let columns = [&[(rows::CUTS[0], Column::Words)], &columns[1..]].concat();
        let rows: Vec<Vec<String>> = result.cuts.iter().map(rows::cut).collect();
        html! {
            (figure(&drawings, wording::READING))
            (table("How many times as fast the program would be", &columns, &rows))
        }
    })
}

fn replica(result: &WhatIf) -> Option<Markup> {
    let replica = result.replica.as_ref()?;
    let columns = rows::ANSWERS.map(|name| (name, Column::Figure));
    let columns = [&[(rows::ANSWERS[0], Column::Words)], &columns[1..]].concat();
    let answers = rows::answers(result, replica);
    let rows: Vec<Vec<String>> = answers.iter().map(rows::Answer::row).collect();
    Some(html! {
        p { (wording::belief(replica)) }
        (figure(&both(|layout| agreement::draw(result, replica, layout)), ""))
        (table("Answers of the program and of its replica", &columns, &rows))
        p .note { (wording::ANSWERS) }
    })
}

fn order(result: &WhatIf) -> Option<Markup> {
    let drawings = both(|layout| course::draw(result, layout));
    (!drawings.is_empty()).then(|| {
        figure(
            &drawings,
            "Outliers lie outside Tukey's fences, 1.5 interquartile ranges beyond the quartiles of their kind; \
             they are marked, and not removed. No run failed: one that does ends the experiment.",
        )
    })
}

fn data(result: &WhatIf) -> Markup {
    let run_columns = rows::RUNS.map(|name| (name, Column::Figure));
    let run_columns = [&[(rows::RUNS[0], Column::Words)], &run_columns[1..]].concat();
    let runs: Vec<Vec<String>> = result.runs.iter().map(rows::run).collect();
    let facts: Vec<Vec<String>> = result
        .environment
        .iter()
        .map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            vec![outside(name), outside(&value)]
        })
        .collect();
    html! {
        details {
            summary { "Every run" }
            p .note { (wording::measured(result, outside)) }
            (table("Runs in the order of time", &run_columns, &runs))
        }
        details {
            summary { "What was run" }
            (code("Command of the program", &command(&result.command)))
            @if let Some(replica) = &result.replica {
                (code("Command of the replica", &command(&replica.command)))
            }
            @if !result.lock.sites.is_empty() {
                p { "Time was added where the lock is taken by:" }
                ul { @for site in &result.lock.sites { li { (outside(site)) } } }
            }
        }
        details {
            summary { "Environment" }
            (table("The machine and the build", &[("Fact", Column::Name), ("Value", Column::Long)], &facts))
        }
    }
}

fn code(label: &str, text: &str) -> Markup {
    html! { pre role="region" aria-label=(label) tabindex="0" { code { (outside(text)) } } }
}
