//! A file's segments and symbols.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use object::{
    Object as _, ObjectSection as _, ObjectSegment as _, ObjectSymbol as _, ReadCache, SymbolKind,
};

/// Symbols before an address that are asked whether they reach it: functions seldom overlap.
const BACKWARDS: usize = 8;

/// A function or an object of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) address: u64,
    /// 0: unknown, and so until the next one.
    pub(crate) size: u64,
    /// As in the file.
    pub(crate) name: String,
}

/// Symbols by address.
#[derive(Debug, Default)]
pub(crate) struct Symbols(Vec<Symbol>);

impl Symbols {
    fn new(mut symbols: Vec<Symbol>) -> Self {
        // Of several names of one address the plainest stays: pthread_mutex_lock, not
        // __pthread_mutex_lock; but one that knows its size before one that doesn't.
        symbols.sort_by(|a, b| {
            let key = |symbol: &Symbol| {
                let underscores = symbol.name.len() - symbol.name.trim_start_matches('_').len();
                (
                    symbol.address,
                    symbol.size == 0,
                    underscores,
                    symbol.name.len(),
                )
            };
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        symbols.dedup_by_key(|symbol| symbol.address);
        Self(symbols)
    }

    pub(crate) fn find(&self, address: u64) -> Option<&Symbol> {
        let after = self.0.partition_point(|symbol| symbol.address <= address);
        let before = self.0.get(after.saturating_sub(BACKWARDS)..after)?;
        before.iter().rev().find(|symbol| match symbol.size {
            0 => true,
            size => address - symbol.address < size,
        })
    }
}

/// What of a file is loaded where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    /// In the file.
    offset: u64,
    file_size: u64,
    /// In the file's own addresses, with what is zeroed behind the file's part.
    memory: Range<u64>,
}

/// Where debug information of a file is kept apart from it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) build_id: Option<Vec<u8>>,
    /// `.gnu_debuglink`: a file's name and its CRC.
    pub(crate) debug_link: Option<(Vec<u8>, u32)>,
    /// `.gnu_debugaltlink`: what `dwz` has taken out of several debug files.
    pub(crate) alternative: Option<Vec<u8>>,
    /// Whether the file holds line tables itself.
    pub(crate) has_lines: bool,
}

/// What a file says of itself; addresses are the file's own.
#[derive(Debug, Default)]
pub(crate) struct Elf {
    segments: Vec<Segment>,
    pub(crate) links: Links,
    pub(crate) functions: Symbols,
    pub(crate) data: Symbols,
}

impl Elf {
    /// Reads a program or a shared library; `None` where it is neither.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let cache = open(path)?;
        let file = object::File::parse(&cache).ok()?;
        // In an object file that is not linked, addresses mean nothing.
        if file.kind() == object::ObjectKind::Relocatable {
            return None;
        }
        let segments = file.segments().map(|segment| {
            let (offset, file_size) = segment.file_range();
            let address = segment.address();
            Segment {
                offset,
                file_size,
                memory: address..address.saturating_add(segment.size()),
            }
        });
        let (mut functions, mut data) = (Vec::new(), Vec::new());
        for symbol in file.symbols().chain(file.dynamic_symbols()) {
            let Ok(name) = symbol.name() else { continue };
            if name.is_empty() || !symbol.is_definition() {
                continue;
            }
            let into = match symbol.kind() {
                SymbolKind::Text => &mut functions,
                SymbolKind::Data => &mut data,
                _ => continue,
            };
            into.push(Symbol {
                address: symbol.address(),
                size: symbol.size(),
                // A version, as in pthread_cond_wait@@GLIBC_2.3.2.
                name: name.split('@').next().unwrap_or(name).to_owned(),
            });
        }
        Some(Self {
            segments: segments.collect(),
            links: links(&file),
            functions: Symbols::new(functions),
            data: Symbols::new(data),
        })
    }

    /// What has to be taken from addresses of the process to have the file's own, given that what begins
    /// at `offset` in the file lies at `start`.
    pub(crate) fn bias(&self, start: u64, offset: u64) -> Option<u64> {
        // A mapping begins at a page, before the segment's first byte perhaps.
        let holds = |segment: &&Segment| {
            page(segment.offset) <= offset
                && offset < segment.offset.saturating_add(segment.file_size)
        };
        let segment = self.segments.iter().find(holds)?;
        let zero = segment.memory.start.wrapping_sub(segment.offset);
        Some(start.wrapping_sub(offset).wrapping_sub(zero))
    }

    /// Whether the file has something at an address of its own.
    pub(crate) fn covers(&self, address: u64) -> bool {
        self.segments
            .iter()
            .any(|segment| segment.memory.contains(&address))
    }

    /// All of its own addresses.
    pub(crate) fn extent(&self) -> Option<Range<u64>> {
        let start = self
            .segments
            .iter()
            .map(|segment| segment.memory.start)
            .min()?;
        let end = self
            .segments
            .iter()
            .map(|segment| segment.memory.end)
            .max()?;
        Some(start..end)
    }
}

/// The page that a file's byte is mapped with.
fn page(offset: u64) -> u64 {
    // No smaller page exists where this runs; segments are apart by more than one.
    offset & !0xfff
}

/// A regular file, read piece by piece as it is asked for.
pub(crate) fn open(path: &Path) -> Option<ReadCache<File>> {
    // Opening a pipe would wait for its writer.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    File::open(path).ok().map(ReadCache::new)
}

fn links<'a>(file: &object::File<'a, &'a ReadCache<File>>) -> Links {
    let owned = |bytes: &[u8]| bytes.to_vec();
    let found = |name: &str| {
        file.section_by_name(name)
            .is_some_and(|section| section.size() > 0)
    };
    Links {
        build_id: file.build_id().ok().flatten().map(owned),
        debug_link: file
            .gnu_debuglink()
            .ok()
            .flatten()
            .map(|(name, crc)| (owned(name), crc)),
        alternative: file
            .gnu_debugaltlink()
            .ok()
            .flatten()
            .map(|(name, _)| owned(name)),
        has_lines: found(".debug_line") && found(".debug_info"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(address: u64, size: u64, name: &str) -> Symbol {
        Symbol {
            address,
            size,
            name: name.to_owned(),
        }
    }

    #[test]
    fn the_plainest_name_of_what_reaches_the_address() {
        let symbols = Symbols::new(vec![
            symbol(0x100, 0x20, "__lock"),
            symbol(0x100, 0x20, "lock"),
            symbol(0x100, 0, "l"),
            symbol(0x110, 4, "within"),
            symbol(0x200, 0, "open_ended"),
        ]);
        let name = |address| symbols.find(address).map(|symbol| symbol.name.as_str());
        assert_eq!(name(0xff), None);
        assert_eq!(name(0x100), Some("lock"));
        assert_eq!(name(0x112), Some("within"));
        assert_eq!(name(0x118), Some("lock"), "behind what lies within it");
        assert_eq!(name(0x120), None, "behind its end");
        assert_eq!(name(0xffff), Some("open_ended"));
    }

    #[test]
    fn a_bias_is_that_of_the_segment() {
        let segment = |offset, file_size, memory| Segment {
            offset,
            file_size,
            memory,
        };
        let elf = Elf {
            segments: vec![
                segment(0, 0x500, 0x0..0x500),
                segment(0x1dc0, 0x240, 0x3dc0..0x5000),
            ],
            ..Elf::default()
        };
        assert_eq!(elf.bias(0x7000_0000, 0), Some(0x7000_0000));
        // Its second segment's page begins 0xdc0 bytes before the segment.
        assert_eq!(elf.bias(0x7000_3000, 0x1000), Some(0x7000_0000));
        assert_eq!(elf.bias(0x7000_3000, 0x9000), None);
        assert!(elf.covers(0x4fff) && !elf.covers(0x5000) && !elf.covers(0x600));
        assert_eq!(elf.extent(), Some(0..0x5000));
    }
}
