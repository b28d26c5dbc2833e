//! Which file an address of a process is of.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// How much of a bad line an error shows.
const SHOWN: usize = 80;
/// What the kernel puts behind the name of a file that is gone.
const DELETED: &str = " (deleted)";

/// One range of addresses of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its first address.
    pub start: u64,
    /// The address after its last.
    pub end: u64,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// Whether code may run there.
    pub executable: bool,
    /// The file, or a name in brackets such as `[stack]`; `None` for anonymous memory.
    pub path: Option<PathBuf>,
    /// The file was deleted or replaced: what now lies under its name may be another.
    pub deleted: bool,
}

impl Mapping {
    /// The file that is mapped, unless it is gone or the mapping is none of a file.
    pub fn file(&self) -> Option<&Path> {
        let path = self.path.as_deref()?;
        (path.is_absolute() && !self.deleted).then_some(path)
    }

    /// The last part of the name: `libc.so.6`, `[heap]`.
    pub fn name(&self) -> Option<String> {
        let path = self.path.as_deref()?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Some(name.to_string_lossy().into_owned())
    }

    /// Where an address of this mapping lies in the file.
    pub(crate) fn file_offset(&self, address: u64) -> u64 {
        address.wrapping_sub(self.start).wrapping_add(self.offset)
    }
}

/// The mappings of a process, in the order of their addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maps {
    mappings: Vec<Mapping>,
}

impl Maps {
    /// Reads what `/proc/PID/maps` held. Copies of several moments may stand one after the other: where
    /// two mappings overlap, the later one holds. A last line without its end is dropped, since
    /// the process may have died while it was written.
    ///
    /// # Errors
    /// [`Error::Mapping`] for any other line that is none.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let whole = text.iter().rposition(|&byte| byte == b'\n');
        let text = &text[..whole.map_or(0, |end| end + 1)];
        let mut maps = Self::default();
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let line = String::from_utf8_lossy(line);
            let mapping = parse_line(&line).ok_or_else(|| Error::Mapping {
                line: index + 1,
                text: line.chars().take(SHOWN).collect(),
            })?;
            maps.mappings.push(mapping);
        }
        maps.settle();
        Ok(maps)
    }

    /// The mapping that an address lies in.
    pub fn find(&self, address: u64) -> Option<&Mapping> {
        let after = self
            .mappings
            .partition_point(|mapping| mapping.start <= address);
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        (address < mapping.end).then_some(mapping)
    }

    /// All mappings, in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.iter()
    }

    /// Sorts, and lets later mappings replace what they overlap.
    fn settle(&mut self) {
        let mut settled: Vec<Mapping> = Vec::with_capacity(self.mappings.len());
        // Backwards, so that a mapping is kept only if no later one overlaps it.
        for mapping in self.mappings.drain(..).rev() {
            let at = settled.partition_point(|other| other.end <= mapping.start);
            let overlaps = settled
                .get(at)
                .is_some_and(|other| other.start < mapping.end);
            if !overlaps {
                settled.insert(at, mapping);
            }
        }
        self.mappings = settled;
    }
}

/// `start-end perms offset device inode path`, as proc(5) has it.
fn parse_line(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let hexadecimal = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
    let (permissions, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (_device, rest) = rest.split_once(' ')?;
    let (_inode, path) = rest.split_once(' ').unwrap_or((rest, ""));
    let path = path.trim_start();
    let (path, deleted) = match path.strip_suffix(DELETED) {
        Some(path) => (path, true),
        None => (path, false),
    };
    (start < end && permissions.len() == 4).then(|| Mapping {
        start,
        end,
        offset: hexadecimal(offset).unwrap_or(0),
        executable: permissions.as_bytes()[2] == b'x',
        // A newline in a name is written as \012.
        path: (!path.is_empty()).then(|| PathBuf::from(path.replace("\\012", "\n"))),
        deleted,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
55d0c0a00000-55d0c0a01000 r--p 00000000 fd:00 1311 /usr/bin/some prog
55d0c0a01000-55d0c0a05000 r-xp 00001000 fd:00 1311 /usr/bin/some prog
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000002000-7f0000003000 r-xp 00000000 fd:00 12   /tmp/gone.so (deleted)
7fff00000000-7fff00001000 rw-p 00000000 00:00 0    [stack]
";

    #[test]
    fn an_address_has_its_mapping() {
        let maps = Maps::parse(TEXT.as_bytes()).unwrap();
        let code = maps.find(0x55d0_c0a0_1234).unwrap();
        assert!(code.executable);
        assert_eq!(code.file(), Some(Path::new("/usr/bin/some prog")));
        assert_eq!(code.file_offset(0x55d0_c0a0_1234), 0x1234);
        assert_eq!(maps.find(0x7f00_0000_0010).unwrap().path, None);
        let gone = maps.find(0x7f00_0000_2000).unwrap();
        assert_eq!(
            (gone.file(), gone.name().as_deref()),
            (None, Some("gone.so"))
        );
        assert_eq!(
            maps.find(0x7fff_0000_0000).unwrap().name().as_deref(),
            Some("[stack]")
        );
        assert_eq!(maps.find(0x7fff_0000_1000), None);
        assert_eq!(maps.find(0), None);
    }

    #[test]
    fn a_later_copy_replaces_what_it_overlaps() {
        let later = "7f0000000000-7f0000002000 r-xp 00000000 fd:00 13 /lib/later.so\n";
        let maps = Maps::parse(format!("{TEXT}{later}").as_bytes()).unwrap();
        assert_eq!(
            maps.find(0x7f00_0000_0010).unwrap().name().as_deref(),
            Some("later.so")
        );
        assert_eq!(maps.iter().count(), 5);
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_another_bad_line_is_named() {
        let torn = &TEXT.as_bytes()[..TEXT.len() - 20];
        assert_eq!(Maps::parse(torn).unwrap().iter().count(), 4);
        let error = Maps::parse(b"1000-2000 r-xp 0 0:0 0\nnonsense\n").unwrap_err();
        assert!(matches!(error, Error::Mapping { line: 2, .. }), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(text in prop::collection::vec(any::<u8>(), 0..200), address: u64) {
            if let Ok(maps) = Maps::parse(&text) {
                maps.find(address);
            }
        }

        #[test]
        fn settled_mappings_do_not_overlap(ranges in prop::collection::vec((0_u64..64, 1_u64..16), 0..20)) {
            let mut text = String::new();
            for (start, length) in &ranges {
                writeln!(text, "{start:x}-{:x} r-xp 0 0:0 0 /x", start + length).unwrap();
            }
            let maps = Maps::parse(text.as_bytes()).unwrap();
            let all: Vec<_> = maps.iter().collect();
            prop_assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for mapping in &all {
                prop_assert_eq!(maps.find(mapping.start), Some(*mapping));
            }
            // The last line always holds.
            if let Some((start, length)) = ranges.last() {
                prop_assert!(maps.find(start + length - 1).is_some());
            }
        }
    }
}
