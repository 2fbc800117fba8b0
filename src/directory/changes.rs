//! What changed in the directory, told to whoever wants to know.
//!
//! A change is a hint where to look again, never the new value: whoever hears one asks the directory.
//! So a change told twice, or one of a customer that is the same as before, does no harm; and where
//! more changes than a listener can take come in, one [`Change::Everything`] stands for them all.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::customer::{Customer, Identifier};

/// Changes that a listener may be behind before it is told [`Change::Everything`] instead.
const CHANGES_MAX: usize = 4096;

/// Something in the directory is not what it was, or may not be.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// The customer with this id was stored, changed or removed.
    Customer(String),
    /// The identifier names somebody else, or nobody any more.
    Identifier(Identifier),
    /// Anything may have changed: the store was emptied, or was out of hearing for a while, or there
    /// were too many changes to be told one by one.
    Everything,
}

impl Change {
    /// The change without its data, for counting.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Customer(_) => ChangeKind::Customer,
            Self::Identifier(_) => ChangeKind::Identifier,
            Self::Everything => ChangeKind::Everything,
        }
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Customer(id) => write!(f, "Customer({} chars)", id.chars().count()),
            Self::Identifier(identifier) => identifier.fmt(f),
            Self::Everything => f.write_str("Everything"),
        }
    }
}

/// The three kinds of [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// See [`Change::Customer`].
    Customer,
    /// See [`Change::Identifier`].
    Identifier,
    /// See [`Change::Everything`].
    Everything,
}

impl ChangeKind {
    /// The name used in metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Identifier => "identifier",
            Self::Everything => "everything",
        }
    }
}

/// The changes since it was made, in the order in which they were heard.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Change>);

impl Changes {
    /// The next change; `None` when the directory is gone. Dropping the future loses no change.
    ///
    /// A lookup that begins after this has returned sees what changed, or what came after it.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => {
                // What is still kept is a part of everything.
                self.0 = self.0.resubscribe();
                Some(Change::Everything)
            }
            Err(RecvError::Closed) => None,
        }
    }
}

/// Tells changes to every [`Changes`] there is. Never waits.
pub(super) struct Announcer(broadcast::Sender<Change>);

impl Announcer {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(CHANGES_MAX))
    }

    pub(super) fn announce(&self, change: Change) {
        // Nobody may be listening.
        let _ = self.0.send(change);
    }

    pub(super) fn listener(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// What storing these customers changes, apart from the identifiers that name them no more.
pub(super) fn of(customers: &[Customer]) -> Vec<Change> {
    let ids = customers.iter().map(|customer| Change::Customer(customer.id.clone()));
    let identifiers = customers.iter().flat_map(|customer| &customer.identifiers);
    ids.chain(identifiers.cloned().map(Change::Identifier)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::customer::IdentifierKind;
    use super::*;

    fn change(n: usize) -> Change {
        Change::Customer(n.to_string())
    }

    #[tokio::test]
    async fn changes_come_in_order_and_end_with_the_directory() {
        let announcer = Announcer::new();
        announcer.announce(change(0));
        let mut changes = announcer.listener();
        (1..=3).for_each(|n| announcer.announce(change(n)));
        drop(announcer);
        for n in 1..=3 {
            assert_eq!(changes.next().await, Some(change(n)));
        }
        assert_eq!(changes.next().await, None);
    }

    #[tokio::test]
    async fn a_listener_that_lags_is_told_everything_once_and_then_what_comes_after() {
        let announcer = Announcer::new();
        let mut changes = announcer.listener();
        (0..CHANGES_MAX).for_each(|n| announcer.announce(change(n)));
        assert_eq!(changes.next().await, Some(change(0)), "so many are kept");
        (0..CHANGES_MAX + 7).for_each(|n| announcer.announce(change(n)));
        assert_eq!(changes.next().await, Some(Change::Everything));
        announcer.announce(change(1));
        assert_eq!(changes.next().await, Some(change(1)));
    }

    #[test]
    fn a_change_shows_no_personal_data() {
        let email = Identifier::new(IdentifierKind::Email, "ada@example.com").unwrap();
        let shown =
            format!("{:?} {:?}", Change::Customer("ada-1".into()), Change::Identifier(email));
        assert_eq!(shown, "Customer(5 chars) Identifier(email, 15 chars)");
    }
}
