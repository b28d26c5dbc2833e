//! Putting the wrappers into method tables, and taking them out again.
//!
//! # All or nothing
//!
//! A class is planned first, against the runtime's own type encodings, and then changed. If a method
//! without which encoders cannot be followed (`endEncoding`, `dealloc`, `commit`, and at least one of the
//! factories that a command buffer has) is not as the table has it, or the runtime does not take one,
//! everything that was put in place is taken back. A method of another kind that
//! is not as the table has it is left alone and told: its calls are not guarded. While methods are
//! put in place one by one, [`Protection`] is not yet in force, and wrappers only pass calls on.
//!
//! # What is never edited
//!
//! A method that a class inherits is added to the class itself; its ancestors, which other classes
//! share (`dealloc` is `NSObject`'s in the end), keep theirs. The runtime knows no way to take a
//! method out of a class, so taking an added one back means to put what was inherited into it.
//!
//! # Others
//!
//! Where somebody else has replaced a method after us, ours is called by theirs and cannot be taken
//! out. It stays, and passes calls on.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::ptr;

use objc2::runtime::{AnyClass, Imp};
use parking_lot::Mutex;

use crate::encoding;
use crate::error::Error;
use crate::protection::Protection;
use crate::runtime::{self, Found};
use crate::signatures::{Group, Row, Rule};

/// A method that was left alone, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The class.
    pub class: String,
    /// The selector.
    pub selector: String,
    /// Why.
    pub why: Why,
}

/// Why a method was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its arguments or what it returns are not what the table says.
    Encoding {
        /// What the runtime says.
        found: String,
        /// What the table says, in canonical form.
        expected: String,
    },
    /// More classes have this method than there are copies of its wrapper.
    TooManyClasses,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-[{} {}] ", self.class, self.selector)?;
        match &self.why {
            Why::Encoding { found, expected } => write!(
                f,
                "has the type encoding {found}, and the table expects {expected}"
            ),
            Why::TooManyClasses => f.write_str("is a method of more classes than can be guarded"),
        }
    }
}

/// What was done with a class.
pub(crate) struct Guarded {
    pub(crate) class: &'static AnyClass,
    pub(crate) group: Group,
    pub(crate) refused: Vec<Refusal>,
    /// Selectors of the table that it does not answer.
    pub(crate) absent: Vec<String>,
}

/// A method of a class that has our wrapper.
struct Placed {
    class: &'static AnyClass,
    row: &'static Row,
    copy: usize,
    /// Taken out again; the copy remains the class's own.
    is_out: bool,
}

struct State {
    classes: Vec<Guarded>,
    /// Names of classes that could not be guarded, and why.
    unguarded: Vec<(String, String)>,
    placed: Vec<Placed>,
    /// Names of classes that were not there yet.
    late: Vec<CString>,
}

static STATE: Mutex<State> = Mutex::new(State {
    classes: Vec::new(),
    unguarded: Vec::new(),
    placed: Vec::new(),
    late: Vec::new(),
});

/// Addresses of classes that are known, to be looked through without a lock; 0 where none is yet.
static KNOWN: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

/// Beside the address of a class, whose last bit is never set: it could not be guarded.
const NOT_GUARDED: usize = 1;

/// Whether some class of [`State::late`] is still to come.
static IS_LATE: AtomicBool = AtomicBool::new(false);

/// Whether encoders cannot be followed without the method. An end by another name ends in `endEncoding`
/// or in `dealloc`, and an encoder of an unguarded factory is met at its first call.
fn is_needed(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::End | Rule::Dealloc | Rule::Commit | Rule::Retire
    )
}

/// Looks at a class as [`guard_class`] does, and changes nothing. Returns what would be left alone.
///
/// # Errors
///
/// As [`guard_class`].
pub(crate) fn check_class(class: &'static AnyClass, group: Group) -> Result<Vec<Refusal>, Error> {
    let plan = plan(&STATE.lock(), class, group);
    plan.possible()?;
    Ok(plan
        .refused
        .into_iter()
        .map(|(_, refusal)| refusal)
        .collect())
}

/// Guards a class.
///
/// # Errors
///
/// A method that is needed is not as the table has it, or the runtime refuses; then nothing is
/// changed.
pub(crate) fn guard_class(class: &'static AnyClass, group: Group) -> Result<(), Error> {
    let mut state = STATE.lock();
    let is_known = |each: &Guarded| ptr::eq(each.class, class) && each.group == group;
    if state.classes.iter().any(is_known) {
        return Ok(());
    }
    let plan = plan(&state, class, group);
    plan.possible()?;
    let Plan {
        changes,
        refused,
        absent,
        ..
    } = plan;
    place(&mut state, class, changes, runtime::put)?;
    let refused: Vec<Refusal> = refused.into_iter().map(|(_, refusal)| refusal).collect();
    state.classes.push(Guarded {
        class,
        group,
        refused,
        absent,
    });
    remember(class, 0);
    Ok(())
}

/// Makes changes, all or none, by a function that puts one method into a table.
fn place(
    state: &mut State,
    class: &'static AnyClass,
    changes: Vec<Change>,
    mut put: impl FnMut(&'static AnyClass, &CStr, &Found, Imp) -> bool,
) -> Result<(), Error> {
    let mut done = Vec::new();
    for Change { row, copy, found } in changes {
        let known = state
            .placed
            .iter()
            .position(|each| ptr::eq(each.class, class) && ptr::eq(each.row, row));
        row.slots[copy].set(class, found.imp);
        if !put(class, row.selector, &found, row.wrappers[copy]) {
            if known.is_none() {
                row.slots[copy].clear();
            }
            for index in done {
                let placed: &mut Placed = &mut state.placed[index];
                placed.is_out = take_out(placed);
            }
            return Err(Error::NotTaken {
                class: class.name().to_string_lossy().into_owned(),
                selector: row.selector.to_string_lossy().into_owned(),
            });
        }
        if let Some(index) = known {
            state.placed[index].is_out = false;
            done.push(index);
        } else {
            done.push(state.placed.len());
            state.placed.push(Placed {
                class,
                row,
                copy,
                is_out: false,
            });
        }
    }
    Ok(())
}

/// A method that is going to be replaced.
struct Change {
    row: &'static Row,
    copy: usize,
    found: Found,
}

/// What is to be done with a class.
#[derive(Default)]
struct Plan {
    changes: Vec<Change>,
    refused: Vec<(&'static Row, Refusal)>,
    absent: Vec<String>,
    /// Factories that are or will be guarded.
    factories: usize,
}

impl Plan {
    /// Fails if what is refused is needed.
    fn possible(&self) -> Result<(), Error> {
        let fatal =
            |row: &Row| is_needed(row.rule) || row.rule == Rule::Factory && self.factories == 0;
        match self.refused.iter().find(|(row, _)| fatal(row)) {
            Some((_, refusal)) => Err(Error::Refused(refusal.clone())),
            None => Ok(()),
        }
    }
}

/// Plans for a class, by the runtime's own word.
fn plan(state: &State, class: &'static AnyClass, group: Group) -> Plan {
    let mut plan = Plan::default();
    for row in group.rows() {
        let mut refuse = |why| {
            let refusal = Refusal {
                class: class.name().to_string_lossy().into_owned(),
                selector: row.selector.to_string_lossy().into_owned(),
                why,
            };
            plan.refused.push((row, refusal));
        };
        let Some(found) = runtime::find(class, row.selector) else {
            let selector = row.selector.to_string_lossy().into_owned();
            plan.absent.push(selector);
            continue;
        };
        // Of this class and put in before, or of an ancestor that is guarded: nothing to do.
        let is_factory = usize::from(row.rule == Rule::Factory);
        if row.wrappers.iter().any(|&copy| same(copy, found.imp)) {
            plan.factories += is_factory;
            continue;
        }
        let expected = row.encoding();
        if encoding::canonical(&found.encoding).as_ref() != Some(&expected) {
            let found = found.encoding;
            refuse(Why::Encoding { found, expected });
            continue;
        }
        let known = state
            .placed
            .iter()
            .find(|each| ptr::eq(each.class, class) && ptr::eq(each.row, row));
        match known {
            // Somebody has put another method over ours, which calls ours: it is guarded.
            Some(placed) if !placed.is_out => {}
            Some(placed) => plan.changes.push(Change {
                row,
                copy: placed.copy,
                found,
            }),
            None => {
                let Some(copy) = row.slots.iter().position(|slot| slot.class().is_null()) else {
                    refuse(Why::TooManyClasses);
                    continue;
                };
                plan.changes.push(Change { row, copy, found });
            }
        }
        plan.factories += is_factory;
    }
    plan
}

/// Puts the original back, unless somebody else has replaced the wrapper. Returns whether ours is
/// out.
fn take_out(placed: &Placed) -> bool {
    let Placed {
        class, row, copy, ..
    } = *placed;
    let ours = row.wrappers[copy];
    let is_ours = runtime::find(class, row.selector).is_some_and(|found| same(found.imp, ours));
    if is_ours {
        // SAFETY: by the invariant of `Slot` this is a method, and not null, since it was placed.
        let original =
            unsafe { core::mem::transmute::<*const (), Imp>(row.slots[copy].original()) };
        runtime::replace(class, row.selector, original);
    }
    is_ours
}

/// Takes every wrapper out that can be.
pub(crate) fn unguard_all() {
    let mut state = STATE.lock();
    for placed in state.placed.iter_mut().rev() {
        if !placed.is_out {
            placed.is_out = take_out(placed);
        }
    }
    state.classes.clear();
    state.unguarded.clear();
    for known in &KNOWN {
        known.store(0, Ordering::Release);
    }
}

/// Guards the class of an object that a factory is about to hand out, if it is a new one. Returns
/// whether the object can be followed: where a class cannot be guarded, that is told, and its objects
/// are handed out as they are.
#[inline]
pub(crate) fn guard_class_of(class: &'static AnyClass, group: Group) -> bool {
    // A class has one group, so that to know the class is enough.
    let address = ptr::from_ref(class).addr();
    for known in &KNOWN {
        match known.load(Ordering::Acquire) {
            0 => break,
            found if found == address => return true,
            found if found == address | NOT_GUARDED => return false,
            _ => {}
        }
    }
    guard_new_class(class, group)
}

#[cold]
#[inline(never)]
fn guard_new_class(class: &'static AnyClass, group: Group) -> bool {
    // A guard that was taken away meanwhile is not to come back by this.
    let Some(protection) = Protection::current() else {
        return false;
    };
    let name = class.name().to_string_lossy();
    let why = match guard_class(class, group) {
        Ok(()) => {
            tell_class(protection, class, group);
            return true;
        }
        Err(Error::Refused(refusal)) => refusal.to_string(),
        Err(error) => error.to_string(),
    };
    // Said once is enough.
    remember(class, NOT_GUARDED);
    protection.report_later(format!("the class {name} is not guarded: {why}"));
    STATE.lock().unguarded.push((name.into_owned(), why));
    false
}

/// Notes a class as one that needs no further look. With all places taken, further classes are looked
/// up under the lock each time.
fn remember(class: &'static AnyClass, mark: usize) {
    let address = ptr::from_ref(class).addr();
    for known in &KNOWN {
        let free = known.compare_exchange(0, address | mark, Ordering::AcqRel, Ordering::Acquire);
        if free.is_ok() || known.load(Ordering::Acquire) & !NOT_GUARDED == address {
            return;
        }
    }
}

/// Says what was left alone of a class that has just been guarded, and if so asked how much was not.
fn tell_class(protection: &Protection, class: &AnyClass, group: Group) {
    let state = STATE.lock();
    let is_this = |each: &&Guarded| ptr::eq(each.class, class) && each.group == group;
    let Some(guarded) = state.classes.iter().find(is_this) else {
        return;
    };
    for refusal in &guarded.refused {
        protection.report_later(left_alone(refusal));
    }
    if protection.options.verbose {
        protection.report_later(covered(guarded));
    }
}

/// How much of each class is guarded, in lines for people.
pub(crate) fn all_covered() -> Vec<String> {
    STATE.lock().classes.iter().map(covered).collect()
}

fn covered(guarded: &Guarded) -> String {
    let rows = guarded.group.rows().len();
    format!(
        "{} ({}): {} of {rows} methods guarded",
        guarded.class.name().to_string_lossy(),
        guarded.group.name(),
        rows - guarded.refused.len() - guarded.absent.len(),
    )
}

/// What was left alone of all classes that are guarded, in lines for people.
pub(crate) fn all_left_alone() -> Vec<String> {
    let state = STATE.lock();
    let refused = state.classes.iter().flat_map(|each| &each.refused);
    refused.map(left_alone).collect()
}

pub(crate) fn left_alone(refusal: &Refusal) -> String {
    format!("{refusal}; it is left alone, and its calls are not guarded")
}

/// Classes that could not be guarded, and why.
pub(crate) fn unguarded() -> Vec<(String, String)> {
    STATE.lock().unguarded.clone()
}

/// Guards the classes of command buffers that have these names, now or when they come.
///
/// # Errors
///
/// As [`guard_class`].
pub(crate) fn guard_named(names: Vec<CString>) -> Result<(), Error> {
    let (there, late) = names
        .into_iter()
        .partition::<Vec<_>, _>(|name| runtime::class_named(name).is_some());
    for name in there {
        if let Some(class) = runtime::class_named(&name) {
            guard_class(class, Group::CommandBuffer)?;
        }
    }
    IS_LATE.store(!late.is_empty(), Ordering::Relaxed);
    STATE.lock().late = late;
    Ok(())
}

/// Looks whether a class that was not there when the guard was installed has been loaded since.
#[inline]
pub(crate) fn look_for_late_classes() {
    if IS_LATE.load(Ordering::Relaxed) {
        look_now();
    }
}

#[cold]
fn look_now() {
    // A thread that finds another one looking goes on.
    let Some(mut state) = STATE.try_lock() else {
        return;
    };
    let (there, late) = core::mem::take(&mut state.late)
        .into_iter()
        .partition::<Vec<CString>, _>(|name| runtime::class_named(name).is_some());
    IS_LATE.store(!late.is_empty(), Ordering::Relaxed);
    state.late = late;
    drop(state);
    for name in there {
        if let Some(class) = runtime::class_named(&name) {
            guard_class_of(class, Group::CommandBuffer);
        }
    }
}

/// How many methods have a wrapper now.
pub(crate) fn guarded_methods() -> u64 {
    let state = STATE.lock();
    state.placed.iter().filter(|placed| !placed.is_out).count() as u64
}

/// Every class that is guarded, with the selectors whose wrapper is in its table now, those that were
/// refused, and those of its own and its ancestors' methods that no line of the table is about.
pub(crate) fn each_class(mut tell: impl FnMut(&Guarded, &BTreeMap<CString, bool>)) {
    let state = STATE.lock();
    for guarded in &state.classes {
        let mut selectors = BTreeMap::new();
        let mut class = Some(guarded.class);
        while let Some(each) = class.filter(|each| each.name() != c"NSObject") {
            for selector in runtime::own_selectors(each) {
                selectors.entry(selector).or_insert(false);
            }
            class = each.superclass();
        }
        for row in guarded.group.rows() {
            let is_ours = |imp| row.wrappers.iter().any(|&copy| same(copy, imp));
            if runtime::find(guarded.class, row.selector).is_some_and(|found| is_ours(found.imp)) {
                selectors.insert(row.selector.to_owned(), true);
            }
        }
        tell(guarded, &selectors);
    }
}

fn same(one: Imp, other: Imp) -> bool {
    core::ptr::fn_addr_eq(one, other)
}

#[cfg(test)]
mod tests {
    // The runtime's base classes, and the linker's switches for them.
    use locktoll_objc_driver as _;
    use objc2::runtime::{AnyObject, ClassBuilder, Sel};
    use objc2::sel;

    use super::*;

    unsafe extern "C-unwind" fn nothing(_this: *mut AnyObject, _selector: Sel) {}

    #[test]
    fn what_was_placed_before_a_failure_is_taken_back_and_serves_again() {
        let above = AnyClass::get(c"NSObject").expect("is there");
        let mut builder = ClassBuilder::new(c"HalfGuarded", above).expect("the name is free");
        // SAFETY: the function has the types of both selectors.
        unsafe {
            type Method = unsafe extern "C-unwind" fn(*mut AnyObject, Sel);
            builder.add_method(sel!(endEncoding), nothing as Method);
            builder.add_method(sel!(dispatchWaitFlush), nothing as Method);
        }
        let class = builder.register();
        let mut state = State {
            classes: Vec::new(),
            unguarded: Vec::new(),
            placed: Vec::new(),
            late: Vec::new(),
        };
        let implementations = || {
            [c"endEncoding", c"dispatchWaitFlush", c"dealloc"]
                .map(|selector| runtime::find(class, selector).expect("has it").imp as usize)
        };
        let before = implementations();
        for fails_at in [3, 2, 3] {
            let changes = plan(&state, class, Group::Compute).changes;
            assert_eq!(changes.len(), 3);
            let (last, copy) = (changes[fails_at - 1].row, changes[fails_at - 1].copy);
            let was_placed = state.placed.iter().any(|each| ptr::eq(each.row, last));
            let mut times = 0;
            let failed = place(&mut state, class, changes, |class, selector, found, imp| {
                times += 1;
                times < fails_at && runtime::put(class, selector, found, imp)
            });
            assert!(matches!(failed, Err(Error::NotTaken { .. })));
            assert!(state.placed.iter().all(|each| each.is_out));
            assert_eq!(last.slots[copy].class().is_null(), !was_placed);
            assert_eq!(implementations(), before);
        }
        let copies: Vec<usize> = state.placed.iter().map(|each| each.copy).collect();
        let changes = plan(&state, class, Group::Compute).changes;
        place(&mut state, class, changes, runtime::put).expect("is taken");
        assert_eq!(state.placed.len(), 3);
        assert_eq!(copies, [0, 0]);
        assert!(
            state
                .placed
                .iter()
                .all(|each| !each.is_out && each.copy == 0)
        );
        assert!(
            before
                .iter()
                .zip(implementations())
                .all(|(was, is)| *was != is)
        );
        for placed in &state.placed {
            assert!(take_out(placed));
        }
        assert_eq!(implementations(), before);
    }
}
