//! The names of a process's files: `FOLDER/PID-N.trace` and `.maps`, where N counts the programs that
//! one process has run by `exec`.
//!
//! They are named relative to the folder, which is opened for a moment: a whole path would be a page of a stack
//! that may have only four.

use core::ffi::CStr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{Access, AtFlags, Mode, OFlags, RenameFlags, accessat, renameat, renameat_with};
use rustix::io::Errno;

static FOLDER: AtomicPtr<core::ffi::c_char> = AtomicPtr::new(core::ptr::null_mut());
/// The process and the ordinal of the file that is written.
static NAME: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

/// Where all files go.
pub(crate) fn go_to(folder: &'static CStr) {
    FOLDER.store(folder.as_ptr().cast_mut(), Ordering::Release);
}

/// The folder, to name files in it.
pub(crate) fn folder() -> Option<OwnedFd> {
    let folder = FOLDER.load(Ordering::Acquire);
    if folder.is_null() {
        return None;
    }
    // SAFETY: `go_to` stored it, of a string that stays.
    let folder = unsafe { CStr::from_ptr(folder) };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty()).ok()
}

/// The name of a file.
pub(crate) struct Name {
    bytes: [u8; Name::LONGEST],
    length: usize,
}

impl Name {
    /// Two numbers of ten digits, what is between and after them, and a zero.
    const LONGEST: usize = 32;

    fn of(process: u32, ordinal: u32, extension: &[u8]) -> Name {
        let mut name = Name {
            bytes: [0; Name::LONGEST],
            length: 0,
        };
        name.number(process);
        name.push(b"-");
        name.number(ordinal);
        name.push(extension);
        name
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
    }

    fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[first..]);
    }

    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_with_nul(self.bytes.get(..=self.length)?).ok()
    }
}

/// What a new file is called, so that whoever lists the folder sees whole recordings only. `number`
/// tells two processes apart that have one number, in namespaces of their own.
pub(crate) fn temporary(process: u32, number: u32) -> Name {
    Name::of(process, number, b".new")
}

/// Gives a new file the first name of its process that is free.
pub(crate) fn publish(folder: &OwnedFd, new: &Name, process: u32) -> Option<()> {
    let from = new.as_c_str()?;
    for ordinal in 0..100_000 {
        let name = Name::of(process, ordinal, b".trace");
        let to = name.as_c_str()?;
        let renamed = match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            // Not every file system knows how.
            Err(Errno::INVAL | Errno::NOSYS) => {
                match accessat(folder, to, Access::EXISTS, AtFlags::empty()) {
                    Err(Errno::NOENT) => renameat(folder, from, folder, to),
                    _ => Err(Errno::EXIST),
                }
            }
            renamed => renamed,
        };
        match renamed {
            Ok(()) => {
                NAME[0].store(process, Ordering::Relaxed);
                NAME[1].store(ordinal, Ordering::Relaxed);
                return Some(());
            }
            Err(Errno::EXIST) => {}
            Err(_) => return None,
        }
    }
    None
}

/// The name of the file that is written, with another extension.
pub(crate) fn name(extension: &[u8]) -> Name {
    let [process, ordinal] = &NAME;
    Name::of(
        process.load(Ordering::Relaxed),
        ordinal.load(Ordering::Relaxed),
        extension,
    )
}
