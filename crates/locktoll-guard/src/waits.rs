//! Who waits for whom: no order of nested sections may deadlock.
//!
//! Drivers call back into their own methods, and a lock slipped under them cannot choose the
//! order in which encoders nest. When thread 1 is in A and wants B while thread 2 is in B and
//! wants A, no schedule keeps both sections whole, and one of them must run inside the other's.
//! What can be kept, and is, is that no two threads *run* in one section at once.
//!
//! # The rule
//!
//! A thread that is in a section and finds another lock taken [announces](announce) that it wants
//! it, under one mutex. Before it sleeps, it walks: the lock's occupant, the lock that this thread
//! has announced, that lock's occupant, and so on. If the walk comes back to the walker, the lock
//! is *lent*: the walker becomes its occupant without holding it, and gives the old occupant back
//! its place when the section ends. Otherwise it sleeps until the lock is free. A thread that is
//! in no section waits without announcing, since nobody can be waiting for it.
//!
//! # The invariant
//!
//! *Of all threads inside a lock's section, only the occupant may run. Each other one is the
//! lender of the next, asleep in [`OwnedLock::take_or_borrow`], and does not wake before the next
//! one has left.*
//!
//! It holds because a walk is exact where it goes on. Say that it finds Y's name in a lock, and an
//! announcement of Y:
//!
//! - The name is no leftover. Y takes its name away when it leaves, and does not leave while its
//!   announcement stands. So an earlier leaving came before the announcement, which came before
//!   this walk by the mutex, and the walk would see it.
//! - Y sleeps, or the walk ends at the next step. If Y has just got the lock it wants, whoever was
//!   in there has left, and the walk finds nobody there, or Y, or a name that by the first point
//!   has no announcement. None of these leads on.
//! - So when the walk comes back to the walker, everybody on it sleeps but the walker, and each
//!   one cannot wake before the next one leaves. As sections end in reverse order, the walker
//!   leaves the borrowed section before any that it was in already, and thereby before the last
//!   sleeper, then the last but one, and at length the lender can wake.
//!
//! The edge from a sleeper to the occupant of the lock it wants is right even when that occupant
//! has only borrowed the lock: the holder sleeps until its borrower leaves.
//!
//! No deadlock is missed either: a cycle is complete when its last member announces, and that one
//! sees the names and announcements of all others. A cycle that is lent is never announced, so
//! the announcements never contain one.
//!
//! Locks of different guards may be nested: the announcements are those of the process. Permits of
//! a throttle are not locks and are not walked; within one guard a thread never waits for one
//! while it has one.

use crate::lock::OwnedLock;
use crate::sync::{Mutex, per_process};
use crate::thread::ThreadId;

struct Announcement {
    thread: usize,
    wants: Wanted,
}

/// The lock that an announced thread wants.
///
/// Invariant: the lock lives while the announcement stands, since the thread borrows it in
/// [`OwnedLock::take_or_borrow`] from before it announces until after it withdraws.
struct Wanted(*const OwnedLock);

// SAFETY: `OwnedLock` is `Sync`, and this is only ever used as a shared reference to one, which
// by the invariant of `Wanted` is alive.
unsafe impl Send for Wanted {}

impl Wanted {
    fn occupant(&self) -> usize {
        // SAFETY: by the invariant of `Wanted` the lock is alive.
        unsafe { &*self.0 }.occupant()
    }
}

per_process! {
    static ANNOUNCEMENTS: Mutex<Vec<Announcement>> = Mutex::new(Vec::new());
}

pub(crate) enum Outlook {
    /// Announced: take the lock, then [`withdraw`].
    Wait,
    /// Waiting could never end. The caller is the lock's occupant now and puts `from` back when
    /// it leaves.
    Borrow { from: usize },
}

/// Announces that `me`, which is in some section, wants `lock`, unless that closes a cycle.
pub(crate) fn announce(me: ThreadId, lock: &OwnedLock) -> Outlook {
    let mut announcements = ANNOUNCEMENTS.lock();
    let from = lock.occupant();
    if leads_to(me, from, &announcements) {
        lock.occupy(me.as_usize());
        return Outlook::Borrow { from };
    }
    announcements.push(Announcement {
        thread: me.as_usize(),
        wants: Wanted(lock),
    });
    Outlook::Wait
}

/// Takes back what `me` has announced.
pub(crate) fn withdraw(me: ThreadId) {
    let mut announcements = ANNOUNCEMENTS.lock();
    announcements.retain(|announcement| announcement.thread != me.as_usize());
}

/// Whether `thread` waits, directly or through others, for a section that `me` is in.
fn leads_to(me: ThreadId, mut thread: usize, announcements: &[Announcement]) -> bool {
    // A walk along different threads has no more steps than there are announcements. One that has
    // more goes round a thread that has just got its lock and has not withdrawn yet.
    for _ in announcements {
        let Some(announced) = announcements.iter().find(|each| each.thread == thread) else {
            return false;
        };
        let next = announced.wants.occupant();
        if next == me.as_usize() {
            return true;
        }
        thread = next;
    }
    false
}
