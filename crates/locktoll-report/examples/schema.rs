//! Writes the JSON schema of `result.json`:
//!
//! `cargo run -p locktoll-report --example schema > crates/locktoll-report/schema/result-1.schema.json`

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{:#}", locktoll_report::json::schema())
}
