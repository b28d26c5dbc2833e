//! Files opened once; frames of code, names of data.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use addr2line::Loader;
use fallible_iterator::FallibleIterator as _;

use crate::debug_files;
use crate::demangle::demangle;
use crate::elf::{Elf, Symbol};
use crate::foreign;
use crate::maps::{Mapping, Maps};
use crate::parts::Types;

/// Where distributions put debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";
/// Functions inlined into one another at one address; more is a damaged file.
const DEEPEST: usize = 64;

/// One function at an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// Its name as in the source, if any file knows it.
    pub function: Option<String>,
    /// The file's name without folders: `libc.so.6`; in brackets where it is no file.
    pub module: Option<String>,
    /// The address in the module's own counting; in the process's where there is no module.
    pub offset: u64,
    /// The source file as the compiler was given it.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// Whether it was inlined into the next frame.
    pub inlined: bool,
}

/// What an address of data is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datum {
    /// The file's name without folders; in brackets for `[heap]` and `[stack]`.
    pub module: String,
    /// The variable and the bytes from its beginning, where the file names it.
    pub symbol: Option<(String, u64)>,
    /// Which part of the variable that is, as in the source, where its type is known and has parts: `[3].lock`.
    pub part: Option<String>,
}

/// A file, and what was read of it.
pub(crate) struct Module {
    pub(crate) path: PathBuf,
    pub(crate) elf: Elf,
    debug: Option<(PathBuf, Elf)>,
    lines: OnceCell<Option<Loader>>,
    types: OnceCell<Option<Types>>,
}

/// Names addresses; keeps what it has read of each file.
pub struct Symbolizer {
    debug_root: PathBuf,
    modules: RefCell<HashMap<PathBuf, Option<Rc<Module>>>>,
}

impl Default for Symbolizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Symbolizer {
    /// One that looks for separate debug files under `/usr/lib/debug` and beside each file.
    pub fn new() -> Self {
        Self::with_debug_root(Path::new(DEBUG_ROOT))
    }

    /// One that looks under another root.
    pub fn with_debug_root(root: &Path) -> Self {
        Self {
            debug_root: root.to_owned(),
            modules: RefCell::default(),
        }
    }

    /// The functions at an instruction's address, the innermost first: those inlined there, then the one
    /// that is really called. Never empty.
    pub fn frames(&self, maps: &Maps, address: u64) -> Vec<Frame> {
        let Some(mapping) = maps.find(address) else {
            return vec![nameless(None, address)];
        };
        let Some((module, bias)) = self.module_at(maps, mapping) else {
            let offset = match mapping.path {
                Some(_) => mapping.file_offset(address),
                None => address,
            };
            return vec![nameless(mapping.name(), offset)];
        };
        let own = address.wrapping_sub(bias);
        let mut frames = module.inlined_at(own);
        if frames.is_empty() {
            frames.push(nameless(None, own));
        }
        let name = mapping.name();
        let outermost = frames.len() - 1;
        for (index, frame) in frames.iter_mut().enumerate() {
            frame.module.clone_from(&name);
            frame.offset = own;
            frame.inlined = index < outermost;
        }
        let last = &mut frames[outermost];
        if last.function.is_none() {
            last.function = module.function(own).map(|symbol| demangle(&symbol.name));
        }
        frames
    }

    /// The functions at a call, by the address to which it returns. That address may already be of
    /// another line, or of another function, so the instruction before it is looked at.
    pub fn call_site(&self, maps: &Maps, return_address: u64) -> Vec<Frame> {
        self.frames(maps, return_address.saturating_sub(1))
    }

    /// What an address of data is of; `None` for memory without a name, as `mmap` gives it.
    pub fn datum(&self, maps: &Maps, address: u64) -> Option<Datum> {
        let mapping = maps.find(address)?;
        // What a file's variables need beyond the file follows it as anonymous memory.
        let of_file = match mapping.path {
            Some(_) => mapping,
            None => followed(maps, mapping)?,
        };
        let named = self.module_at(maps, of_file).and_then(|(module, bias)| {
            let own = address.wrapping_sub(bias);
            let symbol = module.datum(own).map(|symbol| {
                let offset = own - symbol.address;
                let part = module.part(symbol.address, offset);
                ((demangle(&symbol.name), offset), part)
            });
            module.elf.covers(own).then_some(symbol)
        });
        let module = of_file.name()?;
        match (named, &mapping.path) {
            (Some(found), _) => {
                let (symbol, part) = found.unzip();
                Some(Datum {
                    module,
                    symbol,
                    part: part.flatten(),
                })
            }
            (None, Some(_)) => Some(Datum {
                module,
                symbol: None,
                part: None,
            }),
            (None, None) => None,
        }
    }

    /// The file of a mapping, and what is to be taken from an address to have the file's own.
    pub(crate) fn module_at(&self, maps: &Maps, mapping: &Mapping) -> Option<(Rc<Module>, u64)> {
        let path = mapping.file()?;
        let module = self.module(path)?;
        let first = first_of_file(maps, mapping, path);
        let bias = module.elf.bias(first.start, first.offset)?;
        Some((module, bias))
    }

    fn module(&self, path: &Path) -> Option<Rc<Module>> {
        if let Some(known) = self.modules.borrow().get(path) {
            return known.clone();
        }
        let module = foreign::parse(|| Module::open(path, &self.debug_root)).map(Rc::new);
        self.modules
            .borrow_mut()
            .insert(path.to_owned(), module.clone());
        module
    }
}

impl Module {
    fn open(path: &Path, debug_root: &Path) -> Option<Self> {
        let elf = Elf::read(path)?;
        let debug = if elf.links.has_lines {
            None
        } else {
            debug_files::find(path, &elf.links, debug_root)
                .and_then(|file| Elf::read(&file).map(|elf| (file, elf)))
        };
        Some(Self {
            path: path.to_owned(),
            elf,
            debug,
            lines: OnceCell::new(),
            types: OnceCell::new(),
        })
    }

    fn function(&self, address: u64) -> Option<&Symbol> {
        let apart = self.debug.as_ref();
        apart
            .and_then(|(_, elf)| elf.functions.find(address))
            .or_else(|| self.elf.functions.find(address))
    }

    fn datum(&self, address: u64) -> Option<&Symbol> {
        let apart = self.debug.as_ref();
        apart
            .and_then(|(_, elf)| elf.data.find(address))
            .or_else(|| self.elf.data.find(address))
    }

    /// Which part of a variable an offset is in.
    fn part(&self, variable: u64, offset: u64) -> Option<String> {
        let load = || {
            let (path, elf) = self.with_lines();
            elf.links.has_lines.then(|| Types::load(path)).flatten()
        };
        let types = self.types.get_or_init(|| foreign::parse(load)).as_ref()?;
        foreign::parse(|| types.part(variable, offset))
    }

    /// The file with the DWARF, if one has any.
    fn with_lines(&self) -> (&Path, &Elf) {
        match &self.debug {
            Some((path, elf)) => (path, elf),
            None => (&self.path, &self.elf),
        }
    }

    /// Frames from DWARF, the innermost first; none where there is no DWARF for the address.
    fn inlined_at(&self, address: u64) -> Vec<Frame> {
        let lines = self
            .lines
            .get_or_init(|| foreign::parse(|| self.load_lines()));
        let Some(lines) = lines else {
            return Vec::new();
        };
        // Nothing that a panic could leave half done is used again: what the lines were loaded from does
        // not change, and what is kept of them is set whole or not at all.
        foreign::parse(|| Self::frames_in(lines, address)).unwrap_or_default()
    }

    fn frames_in(lines: &Loader, address: u64) -> Option<Vec<Frame>> {
        let found = lines.find_frames(address).ok()?;
        let frames = found.take(DEEPEST).map(|frame| {
            let name = frame.function.as_ref().and_then(|function| {
                let raw = function.raw_name().ok()?;
                Some(demangle(&raw))
            });
            let location = frame.location.as_ref();
            Ok(Frame {
                function: name,
                file: location.and_then(|at| at.file.map(str::to_owned)),
                line: location.and_then(|at| at.line).filter(|&line| line > 0),
                ..nameless(None, address)
            })
        });
        frames.collect().ok()
    }

    fn load_lines(&self) -> Option<Loader> {
        let (path, elf) = self.with_lines();
        if !elf.links.has_lines {
            return None;
        }
        let alternative = debug_files::alternative(path, &elf.links);
        Loader::new_with_sup(path, alternative).ok()
    }
}

fn nameless(module: Option<String>, offset: u64) -> Frame {
    Frame {
        function: None,
        module,
        offset,
        file: None,
        line: None,
        inlined: false,
    }
}

/// The mapping of a file that anonymous memory follows without a gap.
fn followed<'a>(maps: &'a Maps, mapping: &'a Mapping) -> Option<&'a Mapping> {
    let mut at = mapping;
    while at.path.is_none() {
        let before = maps.find(at.start.checked_sub(1)?)?;
        if before.end != at.start {
            return None;
        }
        at = before;
    }
    at.file().map(|_| at)
}

/// The mapping with the beginning of a file, which tells most surely where the file lies: later ones may
/// share a page of the file. A file that is there twice begins anew with a gap.
fn first_of_file<'a>(maps: &'a Maps, mapping: &'a Mapping, path: &Path) -> &'a Mapping {
    let of_file = maps
        .iter()
        .take_while(|other| other.start <= mapping.start)
        .filter(|other| other.file() == Some(path));
    let (mut first, mut end) = (None, None);
    for other in of_file {
        let follows = end == Some(other.start);
        if first.is_none() || (other.offset == 0 && !follows) {
            first = Some(other);
        }
        end = Some(other.end);
    }
    first.unwrap_or(mapping)
}
