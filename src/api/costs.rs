//! The report of costs: hours out of the history, margins out of the directory, some customers at a time.

use super::Api;
use super::convert::{duration, timestamp};
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use crate::coding;
use crate::costs::{self, Account, Customer, Effort, Ledger, Line, MARGIN_MS, Report, TierTotal};
use crate::directory::Error;
use crate::engine::coding::rules::Day;
use crate::engine::model::{Policy, Time};
use crate::journal::{self, History};
use crate::policy::{CostRules, cost_rules};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

/// The turn of a report: one is made at a time.
type Turn = Arc<OwnedSemaphorePermit>;

/// Tickets read in one go: some milliseconds.
const STRIDE: usize = 2048;
/// How often a customer is looked up before a directory that does not answer ends the report.
const TRIES_MAX: u32 = 3;
/// Customers looked up at once.
const LOOKUPS: usize = 32;

impl Api {
    /// The report for that time.
    pub(super) async fn cost_report(
        &self,
        request: &pb::ReportCostsRequest,
    ) -> Result<pb::ReportCostsResponse, Fault> {
        let now = self.handle.clock().now();
        let mut checks = Checks::default();
        let most = checks.page_size(request.page_size);
        let to = checks.instant_ahead("to", request.to.as_ref(), now).unwrap_or(now);
        let from = checks.instant_ahead("from", request.from.as_ref(), now);
        let from = from.unwrap_or(to.plus_ms(-MARGIN_MS));
        if from >= to {
            checks.fault("from", "is not before to".to_owned());
        }
        checks.done()?;
        // Held by whoever reads, so that a caller who goes away makes no room for a second reader.
        let turn = self.reports.clone().acquire_owned().await.map_err(|_| Fault::stopping())?;
        let turn = Arc::new(turn);
        let begins = self.history(&turn, History::begins).await?;
        let period = begins.map_or(from, |begins| begins.clamp(from, to))..to;
        let policy = self.handle.view().policy.clone();
        let rules = cost_rules(&policy);
        let mut book = Book {
            policy: policy.clone(),
            today: Day::of(now),
            period_ms: period.end.since_ms(period.start),
            report: Report::keeping(most),
            rules: rules.clone(),
        };
        self.read_accounts(&turn, &period, &mut book).await?;
        Ok(message(&period, &policy, &rules, book.report))
    }

    async fn read_accounts(
        &self,
        turn: &Turn,
        period: &Range<Time>,
        book: &mut Book,
    ) -> Result<(), Fault> {
        let mut place = None;
        let mut ledger = Ledger::default();
        loop {
            let (period, after) = (period.clone(), place.take());
            let read = move |history: &History| history.served(&period, after.as_ref(), STRIDE);
            let tickets = self.history(turn, read).await?;
            let Some(last) = tickets.last() else { break };
            place = Some(last.place());
            let done = tickets.iter().filter_map(|ticket| ledger.add(ticket)).collect();
            self.look_up(done, book).await?;
        }
        self.look_up(ledger.close().into_iter().collect(), book).await
    }

    /// Asks the history; the turn is over only when it has answered, or the report was given up and it has.
    async fn history<T: Send + 'static>(
        &self,
        turn: &Turn,
        read: impl FnOnce(&History) -> Result<T, journal::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let (history, turn) = (self.handle.history().clone(), turn.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let answer = read(&history);
            drop(turn);
            answer
        });
        asked.await.map_err(|_| Fault::stopping())?.map_err(|error| {
            tracing::error!(%error, "the history cannot be read");
            Fault::history_unreadable()
        })
    }

    /// Adds the accounts to the report, each with what the directory says of its customer.
    async fn look_up(&self, accounts: Vec<Account>, book: &mut Book) -> Result<(), Fault> {
        let mut waiting = accounts.into_iter();
        let mut asked = JoinSet::new();
        loop {
            for account in waiting.by_ref().take(LOOKUPS - asked.len()) {
                let directory = self.directory.clone();
                asked.spawn(async move {
                    let mut found = directory.get(&account.customer_id).await;
                    for _ in 1..TRIES_MAX {
                        if !matches!(found, Err(Error::TimedOut { .. })) {
                            break;
                        }
                        found = directory.get(&account.customer_id).await;
                    }
                    (account, found)
                });
            }
            let Some(answer) = asked.join_next().await else { return Ok(()) };
            let (account, found) = answer.map_err(|_| Fault::stopping())?;
            let found = match found {
                Ok(found) => found,
                // Nonsense about one customer is for who looks at that customer.
                Err(Error::Malformed { .. }) => None,
                Err(error) => return Err(Fault::directory(&error)),
            };
            let customer = found.map(|customer| {
                let coded = coding::found(&book.policy, &customer, book.today);
                Customer::of(&coded.tier, coded.known.standing, &customer.attributes)
            });
            book.report.add(Line::of(account, customer, book.period_ms, &book.rules));
        }
    }
}

/// A report that is being made.
struct Book {
    policy: Arc<Policy>,
    today: Day,
    period_ms: i64,
    rules: CostRules,
    report: Report,
}

fn message(
    period: &Range<Time>,
    policy: &Policy,
    rules: &CostRules,
    report: Report,
) -> pb::ReportCostsResponse {
    let known = |name: &str| policy.tiers.iter().position(|tier| *tier.name == *name);
    let mut tiers: Vec<_> = report.tiers.iter().collect();
    // Their own order is that of the names.
    tiers.sort_by_key(|(name, _)| known(name).unwrap_or(usize::MAX));
    let whole = report.whole().effort;
    let unpriced = whole
        .pools_ms
        .iter()
        .filter(|(pool, ms)| **ms > 0 && !rules.per_hour.contains_key(&***pool));
    let unpriced_pools = unpriced.map(|(pool, _)| pool.to_string()).collect();
    let tiers = tiers.into_iter().map(|(name, total)| tier(name, total)).collect();
    let candidate_count = report.candidate_count;
    let (worst, candidates) = report.lists();
    pb::ReportCostsResponse {
        from: Some(timestamp(period.start)),
        to: Some(timestamp(period.end)),
        tiers,
        customers: worst.into_iter().map(customer).collect(),
        candidates: candidates.into_iter().map(customer).collect(),
        candidate_count,
        unpriced_pools,
    }
}

fn times(effort: &Effort) -> Vec<pb::PoolTime> {
    let time = |(pool, ms): (&Arc<str>, &i64)| pb::PoolTime {
        pool: pool.to_string(),
        spent: Some(duration(*ms)),
    };
    effort.pools_ms.iter().map(time).collect()
}

fn tier(name: &str, total: &TierTotal) -> pb::TierCosts {
    pb::TierCosts {
        tier: name.to_owned(),
        customer_count: total.customer_count,
        unknown_margin_count: total.unknown_margin_count,
        margin: costs::amount(total.margin),
        cost: costs::amount(total.cost),
        ticket_count: total.effort.ticket_count,
        burden_count: total.burden_count,
        times: times(&total.effort),
    }
}

fn customer(line: Line) -> pb::CustomerCosts {
    let tier = line.tier().to_owned();
    let Line { account, customer, margin, cost, reasons } = line;
    let known = customer.as_ref();
    let standing = known.map_or(pb::Standing::Unspecified, |known| known.standing.into());
    pb::CustomerCosts {
        customer_id: account.customer_id.into(),
        tier,
        forgotten: known.is_none(),
        standing: standing.into(),
        margin: margin.map_or_else(String::new, costs::amount),
        cost: costs::amount(cost),
        ticket_count: account.effort.ticket_count,
        times: times(&account.effort),
        burdens: account.burdens.into_iter().map(|(word, count)| (word.into(), count)).collect(),
        burden_count: account.burden_count,
        strategic: known.is_some_and(|known| known.is_strategic),
        farewell_proposed: known.is_some_and(|known| known.is_proposed),
        reasons,
    }
}
