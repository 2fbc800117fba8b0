//! Goes through the directory and submits what falls on a day.

use super::calendar::{Contact, digest, due};
use crate::coding;
use crate::directory::{self, Customer, Directory};
use crate::driver::{Handle, Refused};
use crate::engine::coding::rules::Day;
use crate::engine::command::{Lookup, Rejection, Submit};
use crate::engine::model::{Caller, Channel, Content, IdentifierKind, Policy, TicketId, Time};
use crate::engine::timing::Urgency;
use crate::policy::{self, ContactRule};
use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan as _, tz::TimeZone};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Customers of one page of the directory.
const PAGE: usize = 1000;
/// Submits at once.
const AT_ONCE: usize = 32;
/// Days that are made up for after a pause; what is older has lost its occasion.
const DAYS_BACK_MAX: i32 = 7;
/// Contacts that a plan lists; of more it tells how many fall on each day.
pub(super) const LISTED_MAX: usize = 1000;
/// How long after a failure a day is begun anew.
const AGAIN: Duration = Duration::from_secs(60);

/// The days of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    /// The first.
    pub first: Date,
    /// How many, from 1 to 366.
    pub count: i32,
}

impl Days {
    fn iter(self) -> impl Iterator<Item = Date> {
        (0..self.count).filter_map(move |n| self.first.checked_add(n.days()).ok())
    }
}

/// What falls on some days.
#[derive(Debug, Default)]
pub struct Plan {
    /// The first contacts and their customers' tiers, by day, then as the directory lists the customers. At
    /// most 1000 altogether.
    pub contacts: BTreeMap<Date, Vec<(Contact, Box<str>)>>,
    listed: usize,
    /// How many fall on each day.
    pub counts: BTreeMap<Date, u64>,
    /// Customers that were looked at.
    pub customer_count: u64,
    /// Entries of the directory that are none.
    pub malformed_count: u64,
}

/// Why a day could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The directory cannot be listed.
    #[error("the directory cannot be listed: {0}")]
    Directory(#[from] directory::Error),
    /// The server takes no more tickets at the moment.
    #[error("the server takes no more tickets: {0:?}")]
    Refused(Refused),
}

/// What came of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// Tickets that are new.
    pub created: u64,
    /// Tickets that were there already, live or ended.
    pub existing: u64,
    /// Contacts that the rules refuse, as on a channel that the tier does not offer.
    pub refused: u64,
    /// Contacts for which their queue has no room yet.
    pub deferred: u64,
}

/// The last day that is finished, in a file of the data directory.
#[derive(Clone, Debug)]
pub struct Done(PathBuf);

impl Done {
    /// The file in this folder.
    pub fn within(folder: &std::path::Path) -> Self {
        Self(folder.join("contacts-done"))
    }

    /// The day, and a digest of the rules that it was finished with.
    fn read(&self) -> Option<(Date, u64)> {
        let text = std::fs::read_to_string(&self.0).ok()?;
        let (day, rules) = text.trim().split_once(' ')?;
        Some((day.parse().ok()?, u64::from_str_radix(rules, 16).ok()?))
    }

    /// On disk when it returns.
    fn write(&self, day: Date, rules: u64) -> io::Result<()> {
        let new = self.0.with_extension("new");
        let mut file = std::fs::File::create(&new)?;
        io::Write::write_all(&mut file, format!("{day} {rules:016x}\n").as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &self.0)
    }
}

/// Submits each day's contacts, until the driver stops. Days are those of UTC.
pub async fn run(handle: Handle, directory: Directory, done: Done) {
    let mut views = handle.views();
    loop {
        let policy = views.borrow_and_update().policy.clone();
        let today = day_of(handle.clock().now());
        let finished = finish_days(&handle, &directory, &policy, &done, today).await;
        let pause = if finished { until_tomorrow(&handle, today) } else { AGAIN };
        let changed = async {
            // The same day again with another policy finds what it has submitted already.
            while views.changed().await.is_ok() {
                if views.borrow_and_update().policy != policy {
                    return true;
                }
            }
            false
        };
        tokio::select! {
            goes_on = changed => if !goes_on { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether every day up to today is finished.
async fn finish_days(
    handle: &Handle,
    directory: &Directory,
    policy: &Policy,
    done: &Done,
    today: Date,
) -> bool {
    let earliest = today.checked_sub(DAYS_BACK_MAX.days()).unwrap_or(today);
    let rules = rules_digest(policy);
    let mut day = match done.read() {
        Some((last, _)) if last < today => last.tomorrow().unwrap_or(today).max(earliest),
        // Nothing that the history may have forgotten by now is submitted again.
        Some((_, of)) if of == rules => return true,
        Some(_) | None => today,
    };
    while day <= today {
        match create(handle, directory, policy, day).await {
            Ok(Created { created, existing, refused, deferred }) => {
                tracing::info!(
                    %day, created, existing, refused, deferred, "contacts of the day are planned"
                );
                if deferred > 0 {
                    return false;
                }
            }
            Err(refusal) => {
                tracing::warn!(%day, %refusal, again_in = ?AGAIN, "contacts could not be planned");
                return false;
            }
        }
        if let Err(error) = done.write(day, rules) {
            tracing::warn!(%day, %error, "the day's contacts are planned but not noted as done");
        }
        let Ok(next) = day.tomorrow() else { return true };
        day = next;
    }
    true
}

/// A digest of the contact rules: another one is another plan for the same day.
fn rules_digest(policy: &Policy) -> u64 {
    digest(&format!("{:?}", policy::contact_rules(policy)))
}

/// Submits the contacts of a day; those that are there already stay as they are.
pub async fn create(
    handle: &Handle,
    directory: &Directory,
    policy: &Policy,
    day: Date,
) -> Result<Created, Refusal> {
    let rules = policy::contact_rules(policy);
    let mut sum = Created::default();
    let mut submits: JoinSet<Result<_, Refused>> = JoinSet::new();
    let mut after = None;
    loop {
        let page = directory.list(after.as_deref(), PAGE).await?;
        for customer in &page.customers {
            let found = coding::found(policy, customer, coding_day(day));
            for contact in due(&rules, customer, &found.tier, day) {
                if submits.len() == AT_ONCE {
                    sum.count(submits.join_next().await.expect("some are under way"))?;
                }
                let submit = submit_of(&contact, customer, Lookup::Found(Box::new(found.clone())));
                let handle = handle.clone();
                submits.spawn(async move { handle.submit(submit, true).await.map(|r| r.repeated) });
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    while let Some(submitted) = submits.join_next().await {
        sum.count(submitted)?;
    }
    Ok(sum)
}

impl Created {
    fn count(
        &mut self,
        submitted: Result<Result<bool, Refused>, tokio::task::JoinError>,
    ) -> Result<(), Refusal> {
        match submitted.expect("a submit does not panic") {
            Ok(false) => self.created += 1,
            Ok(true) | Err(Refused::Rule(Rejection::TicketExists)) => self.existing += 1,
            // A full queue is full for its own tier and channel, and for nobody else.
            Err(
                Refused::Rule(Rejection::QueueFull { .. })
                | Refused::Full { limit: Rejection::QueueFull { .. }, .. },
            ) => self.deferred += 1,
            Err(
                full @ Refused::Rule(Rejection::TicketLimit { .. } | Rejection::QueueLimit { .. }),
            ) => return Err(Refusal::Refused(full)),
            Err(Refused::Rule(_)) => self.refused += 1,
            Err(refused) => return Err(Refusal::Refused(refused)),
        }
        Ok(())
    }
}

/// What falls on these days, for people; nothing is submitted.
pub async fn plan(directory: &Directory, policy: &Policy, days: Days) -> Result<Plan, Refusal> {
    let rules = policy::contact_rules(policy);
    let mut plan = Plan::default();
    let mut after = None;
    loop {
        let page = directory.list(after.as_deref(), PAGE).await?;
        plan.malformed_count += page.malformed_count as u64;
        for customer in &page.customers {
            plan.customer_count += 1;
            plan.add(&rules, policy, customer, days);
            // A year of many customers takes a while, and others use this thread too.
            tokio::task::yield_now().await;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(plan)
}

impl Plan {
    fn add(&mut self, rules: &[ContactRule], policy: &Policy, customer: &Customer, days: Days) {
        for day in days.iter() {
            let tier = coding::found(policy, customer, coding_day(day)).tier;
            for contact in due(rules, customer, &tier, day) {
                *self.counts.entry(day).or_default() += 1;
                self.contacts.entry(day).or_default().push((contact, tier.clone()));
                self.listed += 1;
            }
        }
        while self.listed > LISTED_MAX {
            let mut last = self.contacts.last_entry().expect("some are listed");
            last.get_mut().pop();
            self.listed -= 1;
            if last.get().is_empty() {
                last.remove();
            }
        }
    }
}

fn submit_of(contact: &Contact, customer: &Customer, lookup: Lookup) -> Submit {
    Submit {
        topic: None,
        id: TicketId::new(&contact.ticket_id),
        // The id says it all: the same id is the same contact.
        fingerprint: 0,
        channel: Channel::Outbound,
        urgency: Urgency::Normal,
        caller: Some(Arc::new(Caller::new(IdentifierKind::Id, customer.id.as_str()))),
        content: Arc::new(Content {
            subject: contact.subject.clone(),
            payload: Box::default(),
            attributes: [("contact".into(), contact.rule.clone())].into(),
        }),
        lookup,
        not_before: None,
        earlier: None,
        asked: None,
    }
}

/// The day in the words of the coding rules.
fn coding_day(day: Date) -> Day {
    Day((day - jiff::civil::date(1970, 1, 1)).get_days().into())
}

/// The day of UTC.
pub fn day_of(at: Time) -> Date {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX);
    TimeZone::UTC.to_datetime(at).date()
}

fn until_tomorrow(handle: &Handle, today: Date) -> Duration {
    let tomorrow = today.checked_add(Span::new().days(1)).unwrap_or(today);
    let midnight = tomorrow.to_zoned(TimeZone::UTC).map_or(0, |at| at.timestamp().as_millisecond());
    // A clock may be late by a little; at least a second, so that it never spins.
    handle.clock().until(Time(midnight)).max(Duration::from_secs(1))
}
