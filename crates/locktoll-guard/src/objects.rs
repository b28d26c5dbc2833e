//! What a caller keeps for each live object, by the object's address.

use core::ops::Deref;

use crate::addresses::{Addresses, Entry};
use crate::lock::OwnedLock;

/// A record of each live object, found by the object's address.
///
/// A record is made once, whichever thread asks first, and is never moved or freed: after its object
/// was [forgotten](Self::forget_if) and the record is [idle](Record::is_idle), it serves another. So
/// there are as many as there ever were live objects at once, about. What is found takes no lock to
/// find.
///
/// ```
/// use core::sync::atomic::{AtomicU32, Ordering};
/// use locktoll_guard::{Objects, Record};
///
/// #[derive(Default)]
/// struct Calls(AtomicU32);
///
/// impl Record for Calls {
///     fn is_idle(&self) -> bool {
///         true
///     }
/// }
///
/// let objects = Objects::<Calls>::new();
/// let (encoder, ()) = objects.with(0x1000, |calls, is_new| {
///     assert!(is_new);
///     calls.0.store(0, Ordering::Relaxed);
/// });
/// encoder.0.fetch_add(1, Ordering::Relaxed);
/// assert_eq!(objects.find(0x1000).expect("is known").0.load(Ordering::Relaxed), 1);
/// assert!(objects.forget_if(0x1000, |_| true));
/// assert!(objects.find(0x1000).is_none());
/// ```
pub struct Objects<T>(Addresses<T>);

/// What is kept for one object.
pub trait Record: Default + Send + Sync {
    /// Whether no thread needs the record any more, once its object is forgotten: only then may it
    /// serve another. Looks by sequentially consistent accesses.
    fn is_idle(&self) -> bool;
}

/// The record of an object, and a lock that belongs to it.
pub struct Object<'a, T>(&'a Entry<T>);

impl<T: Record> Objects<T> {
    /// No objects.
    pub fn new() -> Self {
        Objects(Addresses::new())
    }

    /// The record of the object at an address, if it can be seen without a lock. A miss proves
    /// nothing where other threads make or forget records meanwhile; [`with`](Self::with) is exact.
    #[inline]
    pub fn find(&self, address: usize) -> Option<Object<'_, T>> {
        self.0.glimpse(address).map(Object)
    }

    /// Does something with the record of the object at an address, which is made if need be, while
    /// no other thread makes or forgets one. `then` is told whether it was made; it may be a used
    /// one, so it must be set. `then` may not call this.
    pub fn with<R>(&self, address: usize, then: impl FnOnce(&T, bool) -> R) -> (Object<'_, T>, R) {
        let (entry, result) = self.0.with(address, |entry, made| then(&entry.value, made));
        (Object(entry), result)
    }

    /// Forgets the object at an address if there is one and `may` agrees, which is asked while no
    /// other thread makes or forgets one. Returns whether it did.
    pub fn forget_if(&self, address: usize, may: impl FnOnce(&T) -> bool) -> bool {
        self.0.forget_if(address, may)
    }

    /// Every object with its address at the moment.
    pub fn each(&self) -> impl Iterator<Item = (usize, Object<'_, T>)> {
        let entries = self.0.each().filter(|(address, _)| *address != 0);
        entries.map(|(address, entry)| (address, Object(entry)))
    }
}

impl<T: Record> Default for Objects<T> {
    fn default() -> Self {
        Objects::new()
    }
}

impl<'a, T> Object<'a, T> {
    /// The lock that belongs to the record.
    #[inline]
    pub fn lock(self) -> &'a OwnedLock {
        &self.0.lock
    }

    /// The record, for as long as the table lives.
    #[inline]
    pub fn record(self) -> &'a T {
        &self.0.value
    }

    /// Whether this is still the record of the object at `address`. To one who has before that made it
    /// not [idle](Record::is_idle), by an access that is sequentially consistent as that look is, it
    /// stays so.
    #[inline]
    pub fn is_of(self, address: usize) -> bool {
        self.0.still_carries(address)
    }
}

impl<T> Deref for Object<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for Object<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Object<'_, T> {}
