//! Writes `docs/metal.md` from the tables of the library.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metal.md");
    std::fs::write(page, locktoll_metal::document())
}
