//! Callers, from a copy of the stack.
//!
//! A recorder inside a program can't unwind: unwinders allocate and take locks. It can copy: three
//! registers and a few kilobytes of the stack, from which the callers are found afterwards by the
//! rules in `.eh_frame`, which compilers write for exceptions whether or not a program has debug
//! information; by frame pointers where a file has none.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use framehop::{
    CacheNative, ExplicitModuleSectionInfo, MayAllocateDuringUnwind, Unwinder as _, UnwinderNative,
};
use object::{Object as _, ObjectSection as _};

use crate::elf;
use crate::foreign;
use crate::maps::Maps;
use crate::symbolizer::{Module, Symbolizer};

/// Callers that are followed; a deeper stack would not be in the copy.
const DEEPEST: usize = 512;
const WORD: usize = 8;
/// Sections larger than this are left out.
const LARGEST_SECTION: u64 = 1 << 28;

/// Registers and a piece of the stack at a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackCopy {
    /// To where the call returns.
    pub pc: u64,
    /// The stack pointer as it is when the call has returned.
    pub sp: u64,
    /// The frame pointer.
    pub fp: u64,
    /// What lay in memory from `sp` upwards, in the order of the addresses.
    pub bytes: Vec<u8>,
}

impl StackCopy {
    /// The word at an address, if it was copied.
    fn word(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.sp)?).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(WORD)?)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }
}

/// A section's place in its file's own addresses and, where unwinding reads it, what it holds.
struct Section {
    name: &'static str,
    range: Range<u64>,
    data: Option<Rc<[u8]>>,
}

/// The sections that unwinding needs.
struct Sections(Vec<Section>);

impl Sections {
    fn read(module: &Module) -> Option<Self> {
        let cache = elf::open(&module.path)?;
        let file = object::File::parse(&cache).ok()?;
        let mut sections = Vec::new();
        for (name, is_read) in [
            (".text", false),
            (".eh_frame", true),
            (".eh_frame_hdr", true),
        ] {
            if let Some(section) = file.section_by_name(name)
                && section.size() <= LARGEST_SECTION
            {
                let start = section.address();
                sections.push(Section {
                    name,
                    range: start..start.saturating_add(section.size()),
                    // At a call no function is at its beginning or end, so its instructions need not be
                    // looked at.
                    data: section.data().ok().filter(|_| is_read).map(Rc::from),
                });
            }
        }
        Some(Self(sections))
    }

    fn find(&self, name: &str) -> Option<&Section> {
        self.0.iter().find(|section| section.name == name)
    }

    fn range(&self, name: &str) -> Option<Range<u64>> {
        self.find(name).map(|section| section.range.clone())
    }

    fn data(&self, name: &str) -> Option<Rc<[u8]>> {
        self.find(name).and_then(|section| section.data.clone())
    }
}

/// Unwinds the stacks of one process.
pub struct StackUnwinder<'a> {
    symbolizer: &'a Symbolizer,
    maps: &'a Maps,
    unwinder: UnwinderNative<Rc<[u8]>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    /// Where the files lie that were added, or that nothing could be read of.
    added: HashSet<u64>,
}

impl<'a> StackUnwinder<'a> {
    /// One for a process with these mappings.
    pub fn new(symbolizer: &'a Symbolizer, maps: &'a Maps) -> Self {
        Self {
            symbolizer,
            maps,
            unwinder: UnwinderNative::new(),
            cache: CacheNative::new(),
            added: HashSet::new(),
        }
    }

    /// The return addresses on a stack, the innermost first and beginning with `pc`. It ends where the
    /// copy does, or where no rule leads further.
    pub fn unwind(&mut self, stack: &StackCopy) -> Vec<u64> {
        let found = foreign::parse(|| Some(self.walk(stack)));
        found.unwrap_or_else(|| {
            self.unwinder = UnwinderNative::new();
            self.cache = CacheNative::new();
            self.added.clear();
            vec![stack.pc]
        })
    }

    fn walk(&mut self, stack: &StackCopy) -> Vec<u64> {
        // Only files that this stack can lead through are read: those that some word of it points into.
        self.add(stack.pc);
        for word in stack.bytes.chunks_exact(WORD) {
            self.add(word.try_into().map_or(0, u64::from_ne_bytes));
        }
        let mut read = |address: u64| stack.word(address).ok_or(());
        let mut frames =
            self.unwinder
                .iter_frames(stack.pc, registers(stack), &mut self.cache, &mut read);
        let mut found = Vec::new();
        while found.len() < DEEPEST
            && let Ok(Some(frame)) = frames.next()
        {
            found.push(frame.address());
        }
        if found.is_empty() {
            found.push(stack.pc);
        }
        found
    }

    /// Makes the file with the code at an address known to the unwinder.
    fn add(&mut self, address: u64) {
        let Some(mapping) = self.maps.find(address).filter(|found| found.executable) else {
            return;
        };
        if !self.added.insert(mapping.start) {
            return;
        }
        let Some((module, bias)) = self.symbolizer.module_at(self.maps, mapping) else {
            return;
        };
        let (Some(extent), Some(sections)) = (module.elf.extent(), Sections::read(&module)) else {
            return;
        };
        let lies = extent.start.wrapping_add(bias)..extent.end.wrapping_add(bias);
        // A file has several mappings with code where its pages were made writable and back.
        if lies.start >= lies.end || !self.added.insert(lies.start) && lies.start != mapping.start {
            return;
        }
        self.unwinder.add_module(framehop::Module::new(
            module.path.to_string_lossy().into_owned(),
            lies.clone(),
            lies.start,
            ExplicitModuleSectionInfo {
                base_svma: extent.start,
                text_svma: sections.range(".text"),
                eh_frame_svma: sections.range(".eh_frame"),
                eh_frame: sections.data(".eh_frame"),
                eh_frame_hdr_svma: sections.range(".eh_frame_hdr"),
                eh_frame_hdr: sections.data(".eh_frame_hdr"),
                ..ExplicitModuleSectionInfo::default()
            },
        ));
    }
}

#[cfg(target_arch = "aarch64")]
fn registers(stack: &StackCopy) -> framehop::aarch64::UnwindRegsAarch64 {
    // A function that has made a call keeps its own return address on the stack.
    framehop::aarch64::UnwindRegsAarch64::new(0, stack.sp, stack.fp)
}

#[cfg(not(target_arch = "aarch64"))]
fn registers(stack: &StackCopy) -> framehop::x86_64::UnwindRegsX86_64 {
    framehop::x86_64::UnwindRegsX86_64::new(stack.pc, stack.sp, stack.fp)
}
