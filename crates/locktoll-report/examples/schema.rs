//! Writes the JSON schema of `result.json`, of `record.json` or of `what-if.json`:
//!
//! `cargo run -p locktoll-report --example schema > crates/locktoll-report/schema/result-1.schema.json`
//! `cargo run -p locktoll-report --example schema -- record > crates/locktoll-report/schema/record-1.schema.json`
//! `cargo run -p locktoll-report --example schema -- what-if > crates/locktoll-report/schema/what-if-1.schema.json`

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let schema = match std::env::args().nth(1).as_deref() {
        Some("record") => locktoll_report::record::schema(),
        Some("what-if") => locktoll_report::what_if::schema(),
        _ => locktoll_report::json::schema(),
    };
    writeln!(std::io::stdout(), "{schema:#}")
}
