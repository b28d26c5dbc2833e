//! Which part of a variable an offset is in, as the source names it: `[3].lock`, from the types that DWARF tells.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use addr2line::gimli::{
    AttributeValue, DebugInfoOffset, DebuggingInformationEntry, Dwarf, DwarfSections, EndianSlice,
    Operation, RunTimeEndian, SectionId, Unit, UnitOffset, constants as dw,
};
use object::{Object as _, ObjectSection as _};

use crate::elf;

type Bytes<'a> = EndianSlice<'a, RunTimeEndian>;
type Entry<'a> = DebuggingInformationEntry<Bytes<'a>>;

/// The largest `.debug_info` that is searched for variables: more takes seconds.
const LARGEST: u64 = 128 << 20;
/// Types within types; more is a damaged file.
const DEEPEST: usize = 64;
/// What a lock's type is called. What is inside it is nobody's business.
const LOCKS: [&str; 13] = [
    "pthread_mutex_t",
    "pthread_rwlock_t",
    "pthread_spinlock_t",
    "pthread_cond_t",
    "pthread_barrier_t",
    "sem_t",
    "mtx_t",
    "cnd_t",
    "mutex",
    "timed_mutex",
    "recursive_mutex",
    "shared_mutex",
    "condition_variable",
];

/// The types of a file's variables.
pub(crate) struct Types {
    sections: DwarfSections<Vec<u8>>,
    endian: RunTimeEndian,
    /// By a variable's address, its unit and its type there.
    variables: HashMap<u64, (DebugInfoOffset, UnitOffset)>,
}

impl Types {
    /// Reads a file's; `None` where it has none, or too many.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let cache = elf::open(path)?;
        let file = object::File::parse(&cache).ok()?;
        if file.section_by_name(".debug_info")?.size() > LARGEST {
            return None;
        }
        let section = |id: SectionId| -> Result<Vec<u8>, object::Error> {
            let section = file.section_by_name(id.name());
            section.map_or(Ok(Vec::new()), |section| {
                Ok(section.uncompressed_data()?.into_owned())
            })
        };
        let mut types = Self {
            sections: DwarfSections::load(section).ok()?,
            endian: if file.is_little_endian() {
                RunTimeEndian::Little
            } else {
                RunTimeEndian::Big
            },
            variables: HashMap::new(),
        };
        types.variables = types.find_variables()?;
        Some(types)
    }

    fn dwarf(&self) -> Dwarf<Bytes<'_>> {
        self.sections
            .borrow(|section| EndianSlice::new(section, self.endian))
    }

    fn find_variables(&self) -> Option<HashMap<u64, (DebugInfoOffset, UnitOffset)>> {
        let dwarf = self.dwarf();
        let mut found = HashMap::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next().ok()? {
            let Some(at) = header.debug_info_offset() else {
                continue;
            };
            let unit = dwarf.unit(header).ok()?;
            let mut entries = unit.entries();
            while let Some(entry) = entries.next_dfs().ok()? {
                if entry.tag() == dw::DW_TAG_variable
                    && let Some(address) = address(&dwarf, &unit, entry)
                    && let Some(own) = type_of_variable(&unit, entry)
                {
                    found.insert(address, (at, own));
                }
            }
        }
        Some(found)
    }

    /// The part of the variable at an address that an offset is in; `None` where it has no parts, or they are not
    /// known. The variable itself, at offset 0, has only elements as parts: its first member goes by its name.
    pub(crate) fn part(&self, variable: u64, offset: u64) -> Option<String> {
        let &(unit, own) = self.variables.get(&variable)?;
        let dwarf = self.dwarf();
        let unit = dwarf.unit(dwarf.unit_header(unit).ok()?).ok()?;
        let within = Within {
            dwarf: &dwarf,
            unit: &unit,
        };
        let own = within.plain(own)?;
        if offset == 0 && own.tag() != dw::DW_TAG_array_type {
            return None;
        }
        let mut part = String::new();
        let rest = within.descend(&own, offset, &mut part, DEEPEST)?;
        if part.is_empty() {
            return None;
        }
        if rest > 0 {
            part = format!("{part}+{rest:#x}");
        }
        Some(part)
    }
}

/// Where a variable lies, if that is one place for all of the run.
fn address(dwarf: &Dwarf<Bytes<'_>>, unit: &Unit<Bytes<'_>>, entry: &Entry<'_>) -> Option<u64> {
    let AttributeValue::Exprloc(location) = entry.attr_value(dw::DW_AT_location)? else {
        return None;
    };
    let mut operations = location.operations(unit.encoding());
    let address = match operations.next().ok()?? {
        Operation::Address { address } => address,
        Operation::AddressIndex { index } => dwarf.address(unit, index).ok()?,
        _ => return None,
    };
    operations.next().ok()?.is_none().then_some(address)
}

/// The type that a variable has, or that its declaration has.
fn type_of_variable(unit: &Unit<Bytes<'_>>, entry: &Entry<'_>) -> Option<UnitOffset> {
    if let Some(AttributeValue::UnitRef(own)) = entry.attr_value(dw::DW_AT_type) {
        return Some(own);
    }
    let AttributeValue::UnitRef(declared) = entry.attr_value(dw::DW_AT_specification)? else {
        return None;
    };
    match unit.entry(declared).ok()?.attr_value(dw::DW_AT_type)? {
        AttributeValue::UnitRef(own) => Some(own),
        _ => None,
    }
}

/// Types of one unit.
#[derive(Clone, Copy)]
struct Within<'a> {
    dwarf: &'a Dwarf<Bytes<'a>>,
    unit: &'a Unit<Bytes<'a>>,
}

impl<'a> Within<'a> {
    fn name(self, entry: &Entry<'a>) -> Option<String> {
        let name = entry.attr_value(dw::DW_AT_name)?;
        let name = self.dwarf.attr_string(self.unit, name).ok()?;
        Some(String::from_utf8_lossy(&name).into_owned())
    }

    fn type_of(self, entry: &Entry<'a>) -> Option<Entry<'a>> {
        let AttributeValue::UnitRef(own) = entry.attr_value(dw::DW_AT_type)? else {
            return None;
        };
        self.unit.entry(own).ok()
    }

    /// A type without what only gives it another name; but a lock's name stays.
    fn plain(self, own: UnitOffset) -> Option<Entry<'a>> {
        let mut entry = self.unit.entry(own).ok()?;
        for _ in 0..DEEPEST {
            match entry.tag() {
                dw::DW_TAG_typedef if !self.is_lock(&entry) => {}
                dw::DW_TAG_const_type | dw::DW_TAG_volatile_type | dw::DW_TAG_atomic_type => {}
                _ => return Some(entry),
            }
            entry = self.type_of(&entry)?;
        }
        None
    }

    fn is_lock(self, entry: &Entry<'a>) -> bool {
        self.name(entry)
            .is_some_and(|name| LOCKS.contains(&name.as_str()))
    }

    fn children(self, entry: &Entry<'a>) -> Option<Vec<Entry<'a>>> {
        let mut tree = self.unit.entries_tree(Some(entry.offset())).ok()?;
        let mut children = tree.root().ok()?.children();
        let mut found = Vec::new();
        while let Some(child) = children.next().ok()? {
            found.push(child.entry().clone());
        }
        Some(found)
    }

    fn size(self, entry: &Entry<'a>, depth: usize) -> Option<u64> {
        if let Some(size) = number(entry, dw::DW_AT_byte_size) {
            return Some(size);
        }
        let depth = depth.checked_sub(1)?;
        match entry.tag() {
            dw::DW_TAG_pointer_type => Some(u64::from(self.unit.encoding().address_size)),
            dw::DW_TAG_array_type => {
                let element = self.size(&self.type_of(entry)?, depth)?;
                let counts = self.counts(entry)?;
                counts
                    .iter()
                    .try_fold(element, |size, &n| size.checked_mul(n))
            }
            _ => self.size(&self.type_of(entry)?, depth),
        }
    }

    /// How many elements an array has, by dimension.
    fn counts(self, entry: &Entry<'a>) -> Option<Vec<u64>> {
        let children = self.children(entry)?;
        let dimensions = children
            .iter()
            .filter(|child| child.tag() == dw::DW_TAG_subrange_type);
        dimensions
            .map(|child| {
                let last = || number(child, dw::DW_AT_upper_bound)?.checked_add(1);
                number(child, dw::DW_AT_count).or_else(last)
            })
            .collect()
    }

    /// Adds the names of the parts that lead to an offset; gives what of the offset is left.
    fn descend(self, own: &Entry<'a>, offset: u64, part: &mut String, depth: usize) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        if self.is_lock(own) {
            return Some(offset);
        }
        match own.tag() {
            dw::DW_TAG_array_type => {
                let element = self.type_of(own)?;
                let mut stride = self.size(own, DEEPEST)?;
                let mut rest = offset;
                for count in self.counts(own)? {
                    stride = stride.checked_div(count)?;
                    let index = rest.checked_div(stride)?;
                    if index >= count {
                        return None;
                    }
                    let _ = write!(part, "[{index}]");
                    rest %= stride;
                }
                self.descend(&self.plain(element.offset())?, rest, part, depth)
            }
            dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type => {
                for child in self.children(own)? {
                    let is_base = child.tag() == dw::DW_TAG_inheritance;
                    // A static member is elsewhere.
                    let is_member = child.tag() == dw::DW_TAG_member
                        && child.attr_value(dw::DW_AT_external).is_none();
                    if !is_base && !is_member {
                        continue;
                    }
                    let at = number(&child, dw::DW_AT_data_member_location).unwrap_or(0);
                    let inside = self.type_of(&child)?;
                    let size = self.size(&inside, DEEPEST)?;
                    let Some(rest) = offset.checked_sub(at).filter(|&rest| rest < size) else {
                        continue;
                    };
                    if let Some(name) = self.name(&child).filter(|_| is_member) {
                        part.push('.');
                        part.push_str(&name);
                    }
                    return self.descend(&self.plain(inside.offset())?, rest, part, depth);
                }
                Some(offset)
            }
            _ => Some(offset),
        }
    }
}

fn number(entry: &Entry<'_>, name: dw::DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}
