//! Reports in a real browser: nothing overlaps, nothing is cut, nothing is loaded, and all of it can
//! be reached and read.

use std::fs;
use std::path::{Path, PathBuf};

use locktoll_report::{html, json, plots, record};
use serde_json::Value;

use super::clients::python;
use super::{SMALL, locktoll, run, stderr, stdout, worst_cases, worst_what_ifs};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// What the check finds on pages, one object each.
fn findings(pages: &[PathBuf]) -> Vec<Value> {
    let mut check = assert_cmd::Command::new(python());
    // -B: no cache beside the sources.
    check.arg("-B").arg(sources().join("check.py"));
    if let Some(folder) = std::env::var_os("LOCKTOLL_SHOTS") {
        check.arg("--shots").arg(folder);
    }
    let output = check.args(pages).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn assert_clean(pages: &[PathBuf]) {
    let found: Vec<String> = findings(pages).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_finds_what_it_looks_for() {
    let wrong = [
        ("overlap", "overlap"),
        ("overlap-drawing", "overlap"),
        ("console", "console"),
        ("request", "request"),
        ("cut", "cut"),
        ("cut-drawing", "cut"),
        ("overflow", "overflow"),
        ("contrast", "axe"),
        ("focus", "focus"),
    ];
    let page = |name: &str| sources().join(format!("controls/{name}.html"));
    let mut pages: Vec<PathBuf> = wrong.iter().map(|(name, _)| page(name)).collect();
    pages.push(page("clean"));
    let found = findings(&pages);
    for (name, kind) in wrong {
        let name = format!("{name}.html");
        let hit = found.iter().any(|f| f["page"] == name && f["kind"] == kind);
        assert!(hit, "{kind} is not found on {name}: {found:?}");
    }
    let clean: Vec<&Value> = found.iter().filter(|f| f["page"] == "clean.html").collect();
    assert!(clean.is_empty(), "{clean:?}");
}

#[test]
fn reports_that_are_hard_to_draw_are_clean() {
    let folder = tempfile::tempdir().unwrap();
    let mut pages = Vec::new();
    for (name, result) in worst_cases::all() {
        let page = folder.path().join(format!("{name}.html"));
        let text = html::render(&result);
        assert!(text.len() < 1_000_000, "{name}: {} bytes", text.len());
        assert!(
            !text.contains("<script"),
            "{name}: a name became an element"
        );
        fs::write(&page, text).unwrap();
        pages.push(page);
    }
    assert_clean(&pages);
}

#[test]
fn a_plot_is_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (mut pages, mut drawn) = (Vec::new(), 0);
    for (case, result) in worst_cases::all() {
        let drawings = plots::all(&result);
        drawn += drawings.len();
        let mut page = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>x</title>\
                        <style>svg{display:block;max-width:100%;height:auto}</style></head><body><main>"
            .to_owned();
        for (name, svg) in drawings {
            assert!(!svg.contains("<script"), "{case}: {name}");
            page += &svg;
        }
        // Nothing else is on the page: what a drawing needs, it carries itself.
        let file = folder.path().join(format!("plots-{case}.html"));
        fs::write(&file, page + "</main></body></html>").unwrap();
        pages.push(file);
    }
    assert!(drawn >= 12, "{drawn}");
    assert_clean(&pages);
}

#[test]
fn a_run_s_own_report_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let shown = directory.display().to_string();
    let plots = folder.path().join("plots");
    let output = run(&format!(
        "{SMALL} --blocks 3 --seed 1 --out {shown} --plots {}",
        plots.display()
    ));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(&format!("{shown}/report.html")));
    let overhead = fs::read_to_string(plots.join("overhead.svg")).unwrap();
    assert!(overhead.starts_with("<svg"), "{overhead}");
    // The run with itself: as good a comparison as any, for its page.
    let both = folder.path().join("both.html");
    let output = run(&format!("report {shown} {shown} --out {}", both.display()));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_clean(&[directory.join("report.html"), both]);
}

#[test]
fn committed_reports_are_clean() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/h100/results");
    let folder = tempfile::tempdir().unwrap();
    let mut pages = Vec::new();
    for entry in fs::read_dir(results).unwrap() {
        let run = entry.unwrap().path();
        let file = run.join("result.json");
        if !file.exists() {
            continue;
        }
        json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let name = run.file_name().unwrap().to_string_lossy().into_owned();
        let page = folder.path().join(format!("{name}.html"));
        let output = locktoll()
            .args(["report", "--format", "html", "--out"])
            .args([&page, &file])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        pages.push(page);
    }
    assert!(pages.len() >= 4, "{pages:?}");
    assert_clean(&pages);
}

/// The committed recordings, and one of them with names as long and hostile as they may be.
#[test]
fn pages_of_recordings_are_clean() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/recordings");
    let folder = tempfile::tempdir().unwrap();
    let mut pages = Vec::new();
    for entry in fs::read_dir(recordings).unwrap() {
        let recording = entry.unwrap().path();
        let file = recording.join("record.json");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let mut found = record::from_str(&text).unwrap();
        let name = recording
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let page = folder.path().join(format!("{name}.html"));
        fs::write(&page, record::to_html(&found)).unwrap();
        pages.push(page);
        if name != "cpp" {
            continue;
        }
        let hostile = |name: &mut String| {
            *name = [name, worst_cases::HOSTILE, &"namespace::".repeat(20)].concat();
        };
        for lock in found.locks.iter_mut().chain(&mut found.idle) {
            hostile(&mut lock.name);
            for site in &mut lock.sites {
                hostile(&mut site.function);
            }
            for share in &mut lock.shares {
                hostile(&mut share.thread);
            }
        }
        for blame in &mut found.blames {
            hostile(&mut blame.waiter);
            blame.owner.iter_mut().for_each(hostile);
        }
        for stack in &mut found.stacks {
            stack.frames.iter_mut().for_each(hostile);
        }
        found.run.command.iter_mut().for_each(hostile);
        let page = folder.path().join("hostile.html");
        fs::write(&page, record::to_html(&found)).unwrap();
        pages.push(page);
    }
    assert!(pages.len() >= 6, "{pages:?}");
    assert_clean(&pages);
}

#[test]
fn pages_of_what_ifs_that_are_hard_to_draw_are_clean() {
    let folder = tempfile::tempdir().unwrap();
    let mut pages = Vec::new();
    for (name, result) in worst_what_ifs::all() {
        let page = folder.path().join(format!("{name}.html"));
        let text = locktoll_report::what_if::to_html(&result);
        assert!(!text.contains("<script"), "{name}");
        fs::write(&page, text).unwrap();
        pages.push(page);
    }
    assert_clean(&pages);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_what_if_s_own_page_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let output = super::what_if::what_if("jobs:guilty", folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_clean(&[folder.path().join("out/what-if.html")]);
}
