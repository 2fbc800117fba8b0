//! What is the case at the moment of a scrape, read from the view that the driver published.

use super::{Counters, Labels, PREFIX, count, seconds};
use crate::directory::{BreakerState, Directory, Health};
use crate::driver::View;
use crate::engine::model::{Channel, Time};
use crate::forecast::TOLD_SHARES;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What a scrape sees.
#[derive(Clone, Copy, Debug)]
pub struct Scrape<'a> {
    /// The view published last.
    pub view: &'a View,
    /// The present instant of the server's clock.
    pub now: Time,
    /// The directory.
    pub directory: &'a Directory,
    /// Whether the server is ready for work.
    pub is_ready: bool,
}

type Counts<const N: usize> = Family<Labels<N>, Gauge>;
type Shares<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;

/// The gauges, freshly filled: nothing is left of tiers and pools that are gone.
pub(super) fn registry(scrape: &Scrape<'_>) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    queues(&mut registry, scrape);
    tiers(&mut registry, scrape.view);
    forecasts(&mut registry, scrape.view);
    pools(&mut registry, scrape.view);
    directory(&mut registry, scrape.directory);
    let mut gauge = |name: &str, help: &str, value: i64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    let view = scrape.view;
    gauge("tickets_live", "Live tickets, in whatever state", count(view.ticket_count));
    gauge("tickets_waiting", "Tickets waiting", count(view.waiting_count));
    let count_u64 = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    gauge(
        "tickets_scheduled",
        "Tickets that are not yet in a queue",
        count_u64(view.resting.scheduled_count),
    );
    gauge(
        "tickets_parked",
        "Tickets that wait for their customers",
        count_u64(view.resting.parked_count),
    );
    gauge(
        "tickets_unconfirmed",
        "Live tickets whose tier the directory has yet to confirm",
        count(view.unconfirmed_count),
    );
    gauge(
        "tickets_quarantined",
        "Tickets that the audit found a fault in and nobody has released or withdrawn",
        count(view.quarantined_count),
    );
    gauge("agents_registered", "Registered agents", count(view.agent_count));
    gauge("ready", "1 while the server is ready for work", i64::from(scrape.is_ready));
    registry
}

fn queues(registry: &mut Registry, scrape: &Scrape<'_>) {
    let depth = Counts::<2>::default();
    registry.register("queue_depth", "Tickets waiting, by tier and channel", Family::clone(&depth));
    let late = Counts::<2>::default();
    registry.register(
        "queue_late",
        "Waiting tickets that have missed their response deadline, by tier and channel",
        Family::clone(&late),
    );
    let oldest = Shares::<2>::default();
    registry.register_with_unit(
        "queue_oldest_wait",
        "How long the ticket that is next has waited, the longest of the queues of tier and channel",
        Unit::Seconds,
        Family::clone(&oldest),
    );
    for tier in &scrape.view.tiers {
        for channel in Channel::ALL {
            let labels = labels(&tier.name, channel);
            depth.get_or_create(&labels).set(0);
            late.get_or_create(&labels).set(0);
            oldest.get_or_create(&labels).set(0.0);
        }
    }
    for queue in &scrape.view.queues {
        let labels = labels(&scrape.view.policy.tier(queue.key.tier).name, queue.key.channel);
        depth.get_or_create(&labels).inc_by(count(queue.depth));
        late.get_or_create(&labels).inc_by(i64::try_from(queue.late_count).unwrap_or(i64::MAX));
        let wait = seconds(scrape.now.since_ms(queue.front_submitted_at));
        let oldest = oldest.get_or_create(&labels);
        oldest.set(oldest.get().max(wait));
    }
}

fn labels(tier: &Arc<str>, channel: Channel) -> Labels<2> {
    [("tier", tier.clone()), ("channel", channel.name().into())]
}

fn tiers(registry: &mut Registry, view: &View) {
    let share = Shares::<1>::default();
    registry.register(
        "in_deadline_ratio",
        "Of the tickets picked up or abandoned since the start, the share picked up by the response \
         deadline; absent while there are none",
        Family::clone(&share),
    );
    for tier in &view.tiers {
        let all = tier.picked_up_count + tier.abandoned_count;
        if all > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a share needs no 16 digits")]
            let ratio = tier.in_time_count as f64 / all as f64;
            share.get_or_create(&[("tier", tier.name.clone())]).set(ratio);
        }
    }
}

/// How the waits that were told at the submit came out. Counted by the driver, read here.
fn forecasts(registry: &mut Registry, view: &View) {
    let registry = registry.sub_registry_with_prefix("forecast");
    let waits = Counters::<3>::default();
    registry.register(
        "waits",
        "Waits of delayed tickets by tier, quantile that was told at the submit, and whether it held: \
         within or beyond",
        Family::clone(&waits),
    );
    let error = Shares::<1>::default();
    registry.register_with_unit(
        "error",
        "By how much the p50 told at the submit was off: the root of the mean square; absent before \
         the first delayed ticket was picked up",
        Unit::Seconds,
        Family::clone(&error),
    );
    for tier in &view.tiers {
        let coverage = &tier.coverage;
        for (at, percent) in TOLD_SHARES.into_iter().enumerate() {
            let results =
                [("within", coverage.within_counts[at]), ("beyond", coverage.beyond_counts[at])];
            for (result, count) in results {
                let labels = [
                    ("tier", tier.name.clone()),
                    ("quantile", format!("0.{percent}").into()),
                    ("result", result.into()),
                ];
                waits.get_or_create(&labels).inc_by(count);
            }
        }
        if let Some(seconds) = coverage.error_s() {
            error.get_or_create(&[("tier", tier.name.clone())]).set(seconds);
        }
    }
}

fn pools(registry: &mut Registry, view: &View) {
    let agents = Counts::<2>::default();
    registry.register(
        "agents",
        "Agents by pool and state: idle (waits for work), busy (holds a ticket or writes one up), \
         wrap_up (writes up a ticket that is completed), away, draining (finishes what is held), \
         streaming (has an open Work stream), offered (has yet to answer an offer), pulling (has a pull \
         that waits). One agent may be in several pools and states, or in none",
        Family::clone(&agents),
    );
    let all = Counts::<1>::default();
    registry.register("pool_agents", "Agents registered in a pool", Family::clone(&all));
    let paused = Counts::<1>::default();
    registry.register(
        "pool_paused",
        "1 while a pool is paused: nothing is dispatched on its behalf",
        Family::clone(&paused),
    );
    let handle = Shares::<1>::default();
    registry.register_with_unit(
        "pool_mean_handle",
        "The mean handling time of a pool that the dispatch rule works with",
        Unit::Seconds,
        Family::clone(&handle),
    );
    for pool in &view.pools {
        let states = [
            ("idle", pool.idle_count),
            ("busy", pool.busy_count),
            ("wrap_up", pool.wrap_up_count),
            ("away", pool.away_count),
            ("draining", pool.draining_count),
            ("streaming", pool.stream_count),
            ("offered", pool.offered_count),
            ("pulling", pool.pulling_count),
        ];
        for (state, n) in states {
            let labels = [("pool", pool.name.clone()), ("state", state.into())];
            agents.get_or_create(&labels).set(i64::from(n));
        }
        let labels = [("pool", pool.name.clone())];
        all.get_or_create(&labels).set(i64::from(pool.agent_count));
        paused.get_or_create(&labels).set(i64::from(pool.paused.is_some()));
        handle.get_or_create(&labels).set(seconds(pool.handle_ms));
    }
}

fn directory(registry: &mut Registry, directory: &Directory) {
    let registry = registry.sub_registry_with_prefix("directory");
    let breaker = Counts::<1>::default();
    registry.register(
        "breaker",
        "1 for the state the circuit breaker is in: closed, open, half_open",
        Family::clone(&breaker),
    );
    let states = [
        ("closed", BreakerState::Closed),
        ("open", BreakerState::Open),
        ("half_open", BreakerState::HalfOpen),
    ];
    let now = directory.breaker();
    for (name, state) in states {
        breaker.get_or_create(&[("state", name.into())]).set(i64::from(state == now));
    }
    let up = Gauge::<i64>::default();
    up.set(i64::from(*directory.health().borrow() == Health::Up));
    registry.register("up", "1 if the store answered when last asked", up);
    let cached = Gauge::<i64>::default();
    cached.set(count(directory.cached_count()));
    registry.register("cached_entries", "Answers in the cache, fresh and old", cached);
}
