//! Where the debug information of a file lies: in it, or apart from it.
//!
//! The places are those of GDB ("Separate Debug Files" in its manual): by build ID under a root such as
//! `/usr/lib/debug`, else by the name in `.gnu_debuglink` beside the file, in `.debug` beside it, and
//! under the root.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::elf::Links;

const CHUNK: usize = 1 << 16;

/// The debug file of a file, where it is kept apart and is there.
pub(crate) fn find(file: &Path, links: &Links, root: &Path) -> Option<PathBuf> {
    by_build_id(links, root).or_else(|| by_link(file, links, root))
}

/// The file that holds what `dwz` took out of a debug file.
pub(crate) fn alternative(debug_file: &Path, links: &Links) -> Option<PathBuf> {
    let name = Path::new(OsStr::from_bytes(links.alternative.as_deref()?));
    // The link is relative to the file itself, not to a link to it.
    let real = debug_file.canonicalize().ok()?;
    let path = real.parent()?.join(name);
    path.is_file().then_some(path)
}

fn by_build_id(links: &Links, root: &Path) -> Option<PathBuf> {
    let (first, rest) = links.build_id.as_deref()?.split_first()?;
    let mut name = format!("{first:02x}/");
    for byte in rest {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    let path = root.join(".build-id").join(name + ".debug");
    path.is_file().then_some(path)
}

fn by_link(file: &Path, links: &Links, root: &Path) -> Option<PathBuf> {
    let (name, crc) = links.debug_link.as_ref()?;
    let name = Path::new(OsStr::from_bytes(name));
    // A name with folders in it would lead anywhere.
    if name.components().count() != 1 {
        return None;
    }
    let real = file.canonicalize().ok()?;
    let folder = real.parent()?;
    let under_root = root.join(folder.strip_prefix("/").unwrap_or(folder));
    [folder.to_owned(), folder.join(".debug"), under_root]
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| *path != real && path.is_file() && crc_of(path) == Some(*crc))
}

fn crc_of(path: &Path) -> Option<u32> {
    let mut file = BufReader::with_capacity(CHUNK, std::fs::File::open(path).ok()?);
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).ok()? {
            0 => return Some(hasher.finalize()),
            length => hasher.update(&chunk[..length]),
        }
    }
}
