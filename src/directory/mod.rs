//! Who is the customer? One question: an identifier in, a customer out, within a budget.
//!
//! The customers live in Redis, where any other system can write them, or in a SQLite file of the
//! server's own. [`Directory::lookup`] never fails and never takes longer than its budget: a ticket
//! is not refused because a directory is down. What it could not find out it says, as one of four
//! outcomes, and [`Directory::health`] tells when asking again is worth while.
//!
//! ```text
//!   lookup -> cache -> one flight a key -> breaker -> budget -> Redis or the SQLite file
//!             fresh?   already asking?     worth it?  in time?
//! ```
//!
//! It decides nothing: which tier an unknown customer gets, and what happens to a ticket when its
//! customer's tier changes, is for others. No customer's data goes into a log.

mod breaker;
mod cache;
mod changes;
mod cluster;
pub mod csv;
mod customer;
mod embedded;
mod error;
mod front;
mod link;
mod listing;
mod observer;
mod phone;
mod redis;
mod settings;
mod tracking;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

pub use self::breaker::BreakerState;
pub use self::changes::{Change, ChangeKind, Changes};
pub use self::customer::{
    ATTRIBUTE_CHARS_MAX, ATTRIBUTES_MAX, Amendment, Customer, IDENTIFIERS_MAX, Identifier,
    IdentifierKind, Invalid, KEY_CHARS_MAX, NAME_CHARS_MAX, TIER_CHARS_MAX, VALUE_CHARS_MAX,
};
pub use self::error::Error;
pub use self::listing::Page;
pub use self::observer::{Answered, Observer};
pub use self::phone::PhoneRegion;
pub use self::settings::{Settings, Source};

use self::embedded::Embedded;
use self::front::{Backend, Front, ReadError};
use self::redis::Redis;
use self::tracking::Ear as _;

/// What the directory knows about an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The customer, as stored now or at most [`Settings::fresh_for`] ago.
    Found {
        /// Whom the identifier names.
        customer: Arc<Customer>,
    },
    /// The directory answered: it knows nobody by that identifier.
    Unknown,
    /// The directory did not answer; this is what it said when it last did.
    Stale {
        /// Whom the identifier named then.
        customer: Arc<Customer>,
        /// How long ago that was, at most [`Settings::stale_for`].
        age: Duration,
    },
    /// The directory did not answer, or with nonsense, and has not been heard about this customer.
    Unavailable,
}

impl Lookup {
    /// The outcome without the customer, for counting.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Found { .. } => Outcome::Found,
            Self::Unknown => Outcome::Unknown,
            Self::Stale { .. } => Outcome::Stale,
            Self::Unavailable => Outcome::Unavailable,
        }
    }

    /// The customer, if there is one, however old.
    pub fn customer(&self) -> Option<&Arc<Customer>> {
        match self {
            Self::Found { customer } | Self::Stale { customer, .. } => Some(customer),
            Self::Unknown | Self::Unavailable => None,
        }
    }
}

/// The four ways a lookup ends; see [`Lookup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// See [`Lookup::Found`].
    Found,
    /// See [`Lookup::Unknown`].
    Unknown,
    /// See [`Lookup::Stale`].
    Stale,
    /// See [`Lookup::Unavailable`].
    Unavailable,
}

impl Outcome {
    /// The name used in metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Whether the store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answered when last asked.
    Up,
    /// It did not, or has not been asked yet. It is asked again every [`Settings::cool_down`].
    Down,
}

/// The open directory. Cloning is cheap and every clone is the same directory.
#[derive(Clone)]
pub struct Directory {
    front: Arc<Front<Store>>,
    phone_region: PhoneRegion,
    write_timeout: Duration,
}

impl Directory {
    /// Opens the directory and starts to watch over its store. Redis need not be there: lookups
    /// then end as [`Lookup::Unavailable`] until it is. Must be called inside a tokio runtime with
    /// time and I/O.
    ///
    /// # Errors
    /// Settings outside their range, a URL that cannot be read, or a SQLite file that cannot be
    /// opened.
    pub async fn open(settings: Settings, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        settings.check()?;
        // Before the first caller needs them.
        tokio::task::spawn_blocking(phone::prepare);
        let (store, health) = match &settings.source {
            Source::Embedded { path } => {
                (Store::Embedded(Embedded::open(path.clone()).await?), Health::Up)
            }
            Source::Redis { url, password, prefix } => {
                let redis = Redis::open(url, password.as_deref(), prefix)?;
                (Store::Redis(redis), Health::Down)
            }
        };
        let front = Front::new(store, &settings, health, observer);
        front.watch_over();
        match front.backend() {
            // Who else writes the file is not noticed: it is the server's own.
            Store::Embedded(_) => front.listen(true),
            Store::Redis(redis) => {
                let ear: Weak<Front<Store>> = Arc::downgrade(&front);
                redis.listen(settings.budget, ear, front.health());
            }
        }
        let Settings { phone_region, write_timeout, .. } = settings;
        Ok(Self { front, phone_region, write_timeout })
    }

    /// The identifier in the form in which it is looked up and stored: a national number of
    /// [`Settings::phone_region`] in E.164. Every method here does that by itself; whoever compares
    /// identifiers with [`Change::Identifier`] has to do it too.
    pub fn normal<'a>(&self, identifier: &'a Identifier) -> Cow<'a, Identifier> {
        identifier.in_region(self.phone_region)
    }

    /// The longest that a lookup takes.
    pub fn budget(&self) -> Duration {
        self.front.budget()
    }

    /// Whom the identifier names. Never an error, and never longer than [`Settings::budget`].
    /// Dropping the future harms no other lookup.
    pub async fn lookup(&self, identifier: &Identifier) -> Lookup {
        self.front.lookup(&self.normal(identifier)).await
    }

    /// The same without the cache: what the store says now, or [`Lookup::Unavailable`]. For looking
    /// again at what was stale or unavailable before. It is not counted as a lookup.
    pub async fn lookup_fresh(&self, identifier: &Identifier) -> Lookup {
        self.front.lookup_fresh(&self.normal(identifier)).await
    }

    /// Follows the health of the store. Every change is one reason to look again, also one seen too
    /// late to have seen `Down` in between. The store is asked regularly, so this changes without
    /// any lookups.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.front.health()
    }

    /// What changes from now on, whoever changes it. Of a Redis that is what it tells, see
    /// [`Directory::listens`], beginning with one [`Change::Everything`] for every time it is connected
    /// to; of the embedded directory what this process writes.
    pub fn changes(&self) -> Changes {
        self.front.changes()
    }

    /// Whether every change is heard at the moment. If not, looking again is the only way to notice.
    pub fn listens(&self) -> bool {
        self.front.listens()
    }

    /// Where the breaker stands.
    pub fn breaker(&self) -> BreakerState {
        self.front.breaker()
    }

    /// Answers in the cache, fresh and old, customers and unknown ones.
    pub fn cached_count(&self) -> usize {
        self.front.cached_count()
    }

    /// The customer with this id, straight from the store.
    ///
    /// # Errors
    /// When the store does not answer within [`Settings::write_timeout`], or not properly.
    pub async fn get(&self, id: &str) -> Result<Option<Customer>, Error> {
        let id = Identifier::new(IdentifierKind::Id, id)?;
        self.in_time("get a customer", self.front.backend().get(id.value())).await
    }

    /// Some of the customers, straight from the store: about `count` of them from `after` on, which is
    /// [`Page::next`] of the page before. A page may be shorter, even empty, before the last. Whoever
    /// is stored from the first page to the last is on one of them.
    ///
    /// # Errors
    /// When the store fails or does not answer in time, in a cluster, and for an `after` that is no
    /// place of this store.
    ///
    /// # Panics
    /// With a `count` of 0.
    pub async fn list(&self, after: Option<&str>, count: usize) -> Result<Page, Error> {
        assert!(count > 0, "a page has room for somebody");
        self.in_time("list customers", self.front.backend().list(after, count)).await
    }

    /// Stores a customer in place of whatever was stored under that id, atomically. Identifiers it
    /// no longer has name nobody; identifiers that named someone else name this one. The next
    /// lookup on this directory sees it. Returns the customer as it is stored.
    ///
    /// # Errors
    /// A customer outside the limits, a store that fails. After [`Error::TimedOut`] the customer
    /// may or may not be stored; storing it again is safe.
    pub async fn put(&self, customer: Customer) -> Result<Customer, Error> {
        let customer = self.checked(customer)?;
        self.write(vec![customer.clone()], "put a customer").await?;
        Ok(customer)
    }

    /// Stores many customers, each as [`Directory::put`] does, in batches of which each takes at most
    /// [`Settings::write_timeout`]. A later customer wins over an earlier one.
    ///
    /// # Errors
    /// Nothing is stored if any customer is outside the limits. If the store fails, an unknown
    /// number of customers from the front is stored; importing all again is safe.
    pub async fn import(&self, customers: Vec<Customer>) -> Result<(), Error> {
        let mut checked =
            customers.into_iter().map(|c| self.checked(c)).collect::<Result<Vec<_>, _>>()?;
        while !checked.is_empty() {
            let rest = checked.split_off(checked.len().min(BATCH_MAX));
            self.write(checked, "import customers").await?;
            checked = rest;
        }
        Ok(())
    }

    /// Changes attributes of one customer at once, and nothing else, if those it expects are still as expected.
    /// Says whether they were; if not, or if there is no such customer, nothing is changed.
    ///
    /// # Errors
    /// A customer that would be outside the limits afterwards, or a store that fails. After
    /// [`Error::TimedOut`] it may or may not be done; reading the customer again tells.
    pub async fn amend(&self, after: &Customer, amendment: Amendment) -> Result<bool, Error> {
        after.clone().checked()?;
        let this = self.clone();
        to_the_end(async move {
            let changes = vec![Change::Customer(amendment.id.clone())];
            let amending = this.front.backend().amend(amendment);
            let amended = this.in_time("amend a customer", amending).await;
            // Also after a failure: what was written by then must not be hidden by the cache.
            this.wrote(changes);
            amended
        })
        .await
    }

    /// Removes a customer and every identifier that names it. Says whether there was one.
    ///
    /// # Errors
    /// When the store fails or does not answer in time; deleting again is safe.
    pub async fn delete(&self, id: &str) -> Result<bool, Error> {
        let id = Identifier::new(IdentifierKind::Id, id)?;
        let this = self.clone();
        to_the_end(async move {
            let deleting = this.front.backend().delete(id.value());
            let deleted = this.in_time("delete a customer", deleting).await;
            let mut changes = vec![Change::Customer(id.value().to_owned())];
            if let Ok(Some(identifiers)) = &deleted {
                changes.extend(identifiers.iter().cloned().map(Change::Identifier));
            }
            // Also after a failure: what was removed by then must not be hidden by the cache.
            this.wrote(changes);
            Ok(deleted?.is_some())
        })
        .await
    }

    /// The customer in the one form in which customers are stored here.
    fn checked(&self, customer: Customer) -> Result<Customer, Invalid> {
        customer.in_region(self.phone_region).checked()
    }

    async fn write(&self, customers: Vec<Customer>, operation: &'static str) -> Result<(), Error> {
        let this = self.clone();
        to_the_end(async move {
            let mut changes = changes::of(&customers);
            let written = this.in_time(operation, this.front.backend().put(customers)).await;
            let gone = |gone: Vec<Identifier>| {
                changes.extend(gone.into_iter().map(Change::Identifier));
            };
            let result = written.map(gone);
            // Also after a failure: what was written by then must not be hidden by the cache.
            this.wrote(changes);
            result
        })
        .await
    }

    /// Forgets what a write of our own changed, and tells of it where the store does not.
    fn wrote(&self, changes: Vec<Change>) {
        if matches!(self.front.backend(), Store::Redis(_)) && self.front.listens() {
            self.front.forget(&changes);
        } else {
            for change in changes {
                self.front.announce(change);
            }
        }
    }

    async fn in_time<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::time::timeout(self.write_timeout, work)
            .await
            .unwrap_or(Err(Error::TimedOut { operation, after: self.write_timeout }))
    }
}

/// Runs a write as a task of its own: a caller that goes away in the middle must not leave the store
/// changed and the cache ignorant of it.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("breaker", &self.breaker()).finish_non_exhaustive()
    }
}

/// Most customers that one write of an import stores: enough that neither a sync of SQLite nor the way
/// to Redis and back is what an import mostly waits for.
const BATCH_MAX: usize = 1000;

/// The two places customers can be in.
enum Store {
    Embedded(Embedded),
    Redis(Redis),
}

impl Store {
    async fn get(&self, id: &str) -> Result<Option<Customer>, Error> {
        match self {
            Self::Embedded(embedded) => embedded.get(id).await,
            Self::Redis(redis) => redis.get(id).await,
        }
    }

    async fn list(&self, after: Option<&str>, count: usize) -> Result<Page, Error> {
        match self {
            Self::Embedded(embedded) => embedded.list(after, count).await,
            Self::Redis(redis) => redis.list(after, count).await,
        }
    }

    /// Stores customers that are `checked`; says which identifiers no longer name them.
    async fn put(&self, customers: Vec<Customer>) -> Result<Vec<Identifier>, Error> {
        match self {
            Self::Embedded(embedded) => embedded.put(customers).await,
            Self::Redis(redis) => redis.put(&customers).await,
        }
    }

    async fn amend(&self, amendment: Amendment) -> Result<bool, Error> {
        match self {
            Self::Embedded(embedded) => embedded.amend(amendment).await,
            Self::Redis(redis) => redis.amend(&amendment).await,
        }
    }

    /// Removes a customer; says which identifiers named it, or that there was none.
    async fn delete(&self, id: &str) -> Result<Option<Vec<Identifier>>, Error> {
        match self {
            Self::Embedded(embedded) => embedded.delete(id).await,
            Self::Redis(redis) => redis.delete(id).await,
        }
    }
}

impl Backend for Store {
    async fn read(&self, identifier: &Identifier) -> Result<Option<Customer>, ReadError> {
        match self {
            Self::Embedded(embedded) => embedded.read(identifier).await,
            Self::Redis(redis) => redis.read(identifier).await,
        }
    }

    fn renew(&self) {
        match self {
            Self::Embedded(_) => {}
            Self::Redis(redis) => redis.renew(),
        }
    }

    fn connections(&self) -> Option<watch::Receiver<u64>> {
        match self {
            Self::Embedded(_) => None,
            Self::Redis(redis) => Some(redis.connections()),
        }
    }

    async fn probe(&self, budget: Duration) -> Result<(), ReadError> {
        match self {
            Self::Embedded(embedded) => embedded.probe(budget).await,
            Self::Redis(redis) => redis.probe(budget).await,
        }
    }
}
