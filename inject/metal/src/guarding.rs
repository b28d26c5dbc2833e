//! Installing and taking away, from the outside.

use core::ffi::c_void;
use std::ffi::CString;
use std::path::Path;

use locktoll_inject::Record;
use objc2::runtime::{AnyClass, AnyObject, Sel};
use objc2::sel;
use parking_lot::Mutex;

use crate::buffers;
use crate::encoders;
use crate::error::Error;
use crate::fork;
use crate::install as tables;
use crate::protection::{Options, Protection};
use crate::runtime;
use crate::signatures::{Group, Rule, types::Id};
use crate::strategy::Strategy;

/// As it stands in the trace.
const PRODUCER: &str = "metal swizzle";

/// Classes that wrap the driver's command buffers. They are no driver's, so probing finds none.
const WRAPPING_CLASSES: [&str; 1] = ["MPSCommandBuffer"];

/// The C function by which a program gets its device.
pub type CreateDevice = unsafe extern "C-unwind" fn() -> *mut AnyObject;

/// Keeps the guard installed until it is dropped. [`forget`](core::mem::forget) it to keep the guard
/// for as long as the process lives.
#[derive(Debug)]
#[must_use = "the guard is taken away when this is dropped"]
pub struct Installed(());

struct Now {
    /// How many [`Installed`] there are.
    holders: usize,
    protection: Option<&'static Protection>,
}

static NOW: Mutex<Now> = Mutex::new(Now {
    holders: 0,
    protection: None,
});

/// Guards the driver of this process's Metal.
///
/// # Errors
///
/// There is no Metal, its classes are not as they are known, another strategy is installed, or the
/// process was forked off a guarded one. Then nothing has changed.
pub fn install(strategy: Strategy) -> Result<Installed, Error> {
    Options::new(strategy).install()
}

impl Options {
    /// Guards the driver of this process's Metal.
    ///
    /// # Errors
    ///
    /// As [`install`](crate::install).
    pub fn install(self) -> Result<Installed, Error> {
        let create = create_device().ok_or(Error::NoMetal)?;
        self.install_on(create)
    }

    /// Guards the driver whose device a function makes.
    ///
    /// # Errors
    ///
    /// As [`install`](crate::install).
    pub fn install_on(self, create: CreateDevice) -> Result<Installed, Error> {
        self.install_with(create, None)
    }

    pub(crate) fn install_with(
        self,
        create: CreateDevice,
        record: Option<&'static Record>,
    ) -> Result<Installed, Error> {
        if fork::is_child() {
            return Err(Error::Forked);
        }
        fork::prepare();
        let mut now = NOW.lock();
        if let Some(there) = now.protection {
            let strategy = there.options.strategy;
            if strategy != self.strategy {
                return Err(Error::Installed(strategy));
            }
            now.holders += 1;
            return Ok(Installed(()));
        }
        let is_off = self.strategy == Strategy::Off;
        let left_alone = if is_off {
            Self::look(create)?
        } else {
            self.place(create)?
        };
        let protection: &'static Protection = Box::leak(Box::new(Protection::new(self, record)));
        if !is_off {
            Protection::set(Some(protection));
        }
        now.protection = Some(protection);
        now.holders = 1;
        for line in left_alone {
            protection.report(&line, false);
        }
        if protection.options.verbose {
            for line in tables::all_covered() {
                protection.report(&line, false);
            }
            let methods = tables::guarded_methods();
            let strategy = protection.options.strategy;
            protection.report(&format!("{strategy}: {methods} methods replaced"), false);
        }
        Ok(Installed(()))
    }

    /// Looks at the driver as [`place`](Self::place) does, and leaves its methods as they are.
    fn look(create: CreateDevice) -> Result<Vec<String>, Error> {
        let found = runtime::with_pool(|| probe(create))?;
        let mut lines = Vec::new();
        for (class, group) in found {
            let refused = tables::check_class(class, group)?;
            lines.extend(refused.iter().map(tables::left_alone));
        }
        Ok(lines)
    }

    /// Puts the wrappers into the tables of the driver's classes, all or none. Returns what was left alone.
    fn place(&self, create: CreateDevice) -> Result<Vec<String>, Error> {
        let names = WRAPPING_CLASSES.iter().map(|&name| name.to_owned());
        let names: Vec<CString> = names
            .chain(self.classes.iter().cloned())
            .filter_map(|name| CString::new(name).ok())
            .collect();
        let placed = runtime::with_pool(|| {
            let found = probe(create)?;
            for (class, group) in found {
                tables::guard_class(class, group)?;
            }
            tables::guard_named(names)
        });
        if let Err(error) = placed {
            tables::unguard_all();
            return Err(error);
        }
        Ok(tables::all_left_alone())
    }
}

impl Installed {
    /// Takes the guard away, if no other holder is left. Calls that are inside end under the locks
    /// that they began under.
    pub fn uninstall(self) {}
}

impl Drop for Installed {
    fn drop(&mut self) {
        if fork::is_child() {
            return;
        }
        let mut now = NOW.lock();
        now.holders -= 1;
        if now.holders > 0 {
            return;
        }
        let Some(protection) = now.protection.take() else {
            return;
        };
        Protection::set(None);
        tables::unguard_all();
        encoders::abandon(protection.known_encoders);
        let known: Vec<usize> = protection.known_buffers.each().map(|(at, _)| at).collect();
        for buffer in known {
            buffers::forget(protection.known_buffers, buffer);
        }
        protection.retire();
    }
}

/// The strategy that is installed, and the record that is kept; none in a forked child.
pub(crate) fn installed() -> Option<&'static Protection> {
    if fork::is_child() {
        return None;
    }
    NOW.lock().protection
}

/// A record in a folder.
pub(crate) fn record_in(
    folder: &Path,
    strategy: &str,
) -> Result<&'static Record, locktoll_trace::Error> {
    let record: &'static Record = Box::leak(Box::new(Record::create(folder, PRODUCER, strategy)?));
    Ok(record)
}

/// Metal's function, wherever it is in this process.
pub(crate) fn create_device() -> Option<CreateDevice> {
    // SAFETY: a look-up of a name.
    let function =
        unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"MTLCreateSystemDefaultDevice".as_ptr()) };
    (!function.is_null()).then(|| {
        // SAFETY: the function of this name has this type.
        unsafe { core::mem::transmute::<*mut c_void, CreateDevice>(function) }
    })
}

type Classes = Vec<(&'static AnyClass, Group)>;

/// The classes that a new device's objects are of.
///
/// Encoders are made and ended by each factory that needs nothing but itself. Render passes need a
/// texture; their encoders' classes are guarded when the first is handed out, like any that appears
/// later.
fn probe(create: CreateDevice) -> Result<Classes, Error> {
    let mut classes = Vec::new();
    // SAFETY: Metal's function takes nothing; what it returns is ours to release.
    let device: Id = unsafe { create() };
    if device.is_null() {
        return Err(Error::NoDevice("device"));
    }
    // SAFETY: a device makes queues by this, which the caller has to release, or null.
    let queue: Id = unsafe { runtime::send(device, sel!(newCommandQueue)) };
    let result = if queue.is_null() {
        Err(Error::NoDevice("command queue"))
    } else {
        // SAFETY: as returned.
        classes.push((unsafe { runtime::class_of(queue) }, Group::Queue));
        let result = probe_buffer(queue, &mut classes);
        // SAFETY: made above.
        unsafe { runtime::release(queue) };
        result
    };
    // SAFETY: made above.
    unsafe { runtime::release(device) };
    result.map(|()| classes)
}

fn probe_buffer(queue: Id, classes: &mut Classes) -> Result<(), Error> {
    // SAFETY: a queue makes command buffers by this, in the pool, or null.
    let buffer: Id = unsafe { runtime::send(queue, sel!(commandBuffer)) };
    if buffer.is_null() {
        return Err(Error::NoDevice("command buffer"));
    }
    // SAFETY: as returned.
    classes.push((unsafe { runtime::class_of(buffer) }, Group::CommandBuffer));
    let factories = Group::CommandBuffer.rows().iter();
    for row in factories.filter(|row| row.rule == Rule::Factory && row.types.len() == 3) {
        // SAFETY: the class of the buffer is alive.
        let class = unsafe { runtime::class_of(buffer) };
        let found = runtime::find(class, row.selector);
        let is_known = found.is_some_and(|found| {
            crate::encoding::canonical(&found.encoding) == Some(row.encoding())
        });
        let (Some(group), true) = (row.makes, is_known) else {
            continue;
        };
        let selector = Sel::register(row.selector);
        // SAFETY: the class answers this selector, with the types of its row: it takes nothing and
        // returns an encoder in the pool, or null.
        let encoder: Id = unsafe { runtime::send(buffer, selector) };
        if !encoder.is_null() {
            // SAFETY: as returned.
            classes.push((unsafe { runtime::class_of(encoder) }, group));
            // SAFETY: every encoder has to be ended before the next is made.
            unsafe { runtime::send::<()>(encoder, sel!(endEncoding)) };
        }
    }
    Ok(())
}
