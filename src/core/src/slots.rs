//! Room for modules' own state on sessions and accounts: an index into a slice, no hashing.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::sync::OnceCell;

type Value = Arc<dyn Any + Send + Sync>;

/// One cell per declared slot.
pub(crate) struct Slots(Box<[OnceCell<Value>]>);

impl Slots {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).map(|_| OnceCell::new()).collect())
    }

    fn cell(&self, index: usize) -> Option<&OnceCell<Value>> {
        self.0.get(index)
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slots({})", self.0.len())
    }
}

fn boxed<T: Send + Sync + 'static>(value: T) -> Value {
    Arc::new(value)
}

/// Which slot; given out at start.
pub(crate) struct SlotKey<T> {
    index: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for SlotKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SlotKey<T> {}

impl<T> fmt::Debug for SlotKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotKey({})", self.index)
    }
}

impl<T: Send + Sync + 'static> SlotKey<T> {
    pub(crate) fn new(index: usize) -> Self {
        Self { index, kind: PhantomData }
    }

    pub(crate) fn peek<'a>(&self, slots: &'a Slots) -> Option<&'a T> {
        slots.cell(self.index)?.get()?.downcast_ref()
    }

    /// The value, made by `make` at the first use.
    #[expect(clippy::expect_used, reason = "a key is only used with the slots it was allotted for")]
    pub(crate) fn get_or_make<'a>(&self, slots: &'a Slots, make: impl FnOnce() -> T) -> &'a T {
        let cell = slots.cell(self.index).expect("the slot was allotted at start");
        if cell.get().is_none() {
            // A race is harmless: the first value stays.
            drop(cell.set(Arc::new(make())));
        }
        cell.get().and_then(|value| value.downcast_ref()).expect("the slot holds its own type")
    }

    /// The value, loaded at the first use; concurrent callers wait for the same load. An error leaves it empty.
    #[expect(clippy::expect_used, reason = "a key is only used with the slots it was allotted for")]
    pub(crate) async fn load<'a, E>(
        &self,
        slots: &'a Slots,
        load: impl Future<Output = Result<T, E>>,
    ) -> Result<&'a T, E> {
        let cell = slots.cell(self.index).expect("the slot was allotted at start");
        let value = cell.get_or_try_init(|| async { load.await.map(boxed) }).await?;
        Ok(value.downcast_ref().expect("the slot holds its own type"))
    }
}
