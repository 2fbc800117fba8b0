//! No ticket starves for ever: for every policy and load, a tier whose head has waited more than the policy's
//! multiple of its target is served within the bound that `policy check` prints. The watcher here counts by
//! itself; it knows of the engine only what waits and who took what.

#![expect(clippy::unwrap_used, reason = "a fault ends the test")]

mod policies;

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tierline::engine::capacity::Maxima;
use tierline::engine::command::{AgentProfile, Answer, Command, Event, Lookup, Submit};
use tierline::engine::model::{
    Agent, AgentId, Channel, Content, Overflow, Policy, Pool, PoolIx, PoolSet, Presence, Report,
    Rule, Ticket, TicketId, Tier, TierIx, Time,
};
use tierline::engine::push::{OfferRule, Stream};
use tierline::engine::timing::Urgency;
use tierline::engine::{Engine, Limits};
use tierline::policy;

/// What happens in one step of a load, some time after the step before.
#[derive(Clone, Debug)]
struct Round {
    after_ms: i64,
    submits: Vec<(usize, bool)>,
    pulls: Vec<(usize, bool)>,
    cancel: Option<usize>,
}

/// A policy, the pools of each agent, and a load.
#[derive(Clone, Debug)]
struct Case {
    policy: Policy,
    /// With whether the agent is on a stream, where tickets are offered to several at once; others pull.
    crews: Vec<(PoolSet, bool)>,
    rounds: Vec<Round>,
}

fn tier_of(at: usize) -> TierIx {
    TierIx(u8::try_from(at).unwrap())
}

fn pools(count: usize) -> impl Strategy<Value = PoolSet> {
    (1..1_u64 << count).prop_map(PoolSet)
}

fn tier(at: usize, pool_count: usize) -> impl Strategy<Value = Tier> {
    let step = prop::option::of((1..30_000_i64, pools(pool_count)));
    (1..40_i64, 1..40_i64, pools(pool_count), step, 0..=1000_u32).prop_map(
        move |(voice_s, mail_s, pools, step, guard_permille)| {
            let mut tier = policies::tier(&format!("t{at}"), voice_s);
            tier.respond_within_ms[Channel::Email.index()] = mail_s * 1000;
            tier.pools = pools;
            tier.guard_permille = guard_permille;
            let more = step.into_iter().map(|(after_ms, more)| Overflow {
                after_ms,
                pools: PoolSet(pools.0 | more.0),
                ..Overflow::default()
            });
            tier.overflow = more.collect();
            tier
        },
    )
}

fn pool(at: usize, tier_count: usize) -> impl Strategy<Value = Pool> {
    let reserve = prop::collection::vec((0..tier_count, 0..3_u32), 0..2);
    let yields = any::<bool>();
    (reserve, yields, 1..5_u8).prop_map(move |(reserve, floor_over_reserve, offer_to)| Pool {
        name: format!("p{at}").into(),
        lease_ms: 86_400_000,
        reserve: reserve.into_iter().map(|(tier, count)| (tier_of(tier), count)).collect(),
        floor_over_reserve,
        // Nobody misses an offer: a ticket in back-off would be no head to its agent.
        offer: OfferRule { offer_to, offer_ms: 86_400_000, ..OfferRule::default() },
        ..Pool::default()
    })
}

fn round(tier_count: usize, agent_count: usize) -> impl Strategy<Value = Round> {
    let submits = prop::collection::vec((0..tier_count, any::<bool>()), 0..5);
    let pulls = prop::collection::vec((0..agent_count, prop::bool::weighted(0.2)), 0..4);
    let cancel = prop::option::weighted(0.1, 0..1000_usize);
    (0..8_000_i64, submits, pulls, cancel).prop_map(|(after_ms, submits, pulls, cancel)| Round {
        after_ms,
        submits,
        pulls,
        cancel,
    })
}

/// Agents of one pool each, or of any pools.
fn cases(lone_pools: bool) -> impl Strategy<Value = Case> {
    (1..5_usize, 1..4_usize, 1..6_usize).prop_flat_map(move |(tiers, pool_count, agents)| {
        let crew = if lone_pools {
            (0..pool_count).prop_map(|at| PoolSet(1 << at)).boxed()
        } else {
            pools(pool_count).boxed()
        };
        let share = prop::sample::select(vec![90_u32, 100, 150, 250, 334, 500]);
        (
            (share, 1000..3000_u32),
            (0..tiers).map(|at| tier(at, pool_count)).collect::<Vec<_>>(),
            (0..pool_count).map(|at| pool(at, tiers)).collect::<Vec<_>>(),
            prop::collection::vec((crew, any::<bool>()), agents),
            prop::collection::vec(round(tiers, agents), 20..160),
        )
            .prop_map(|((share, starve), tiers, pools, crews, rounds)| {
                let mut policy = policies::policy(Rule::GuardedEdf, 0, tiers);
                policy.floor_share_permille = share;
                policy.starve_after_permille = starve;
                policy.pools = pools;
                Case { policy, crews, rounds }
            })
    })
}

/// Since a tier began to starve in a pool, or was served last by one of its agents.
#[derive(Clone, Debug, Default)]
struct Row {
    /// Dispatches to agents of the pool who might have served it.
    passed_count: u64,
    /// Dispatches to agents of the pool, whether a reserve kept them from it or not.
    dispatch_count: u64,
    /// The pools and tiers that starved meanwhile.
    together: BTreeSet<(PoolIx, TierIx)>,
}

/// Counts the rows of dispatches that pass starving tiers by.
struct Watcher {
    policy: Policy,
    rows: BTreeMap<(PoolIx, TierIx), Row>,
    /// Every agent serves in one pool only.
    lone_pools: bool,
    longest: u64,
    /// Dispatches to several at once while a tier starved.
    several_count: u64,
}

impl Watcher {
    /// The tiers with a starving head, by the pools that may serve it.
    fn starving(&self, engine: &Engine, now: Time) -> BTreeSet<(PoolIx, TierIx)> {
        let heads = engine.queues().iter().filter_map(|(key, queue)| Some((key, queue.front()?)));
        let starving = heads.filter(|(_, front)| {
            let target_ms = front.respond_by.since_ms(front.submitted_at);
            let limit_ms = target_ms * i64::from(self.policy.starve_after_permille) / 1000;
            now.since_ms(front.submitted_at) > limit_ms
        });
        starving.flat_map(|(key, _)| key.pools.iter().map(|pool| (pool, key.tier))).collect()
    }

    /// Whether the reserves of all these pools let a starving tier's turn take one of their agents.
    /// Those who are `before` the agent have just been offered what the agent might take, and are busy.
    fn is_open(&self, engine: &Engine, agent: &Agent, tier: TierIx, before: &[&Agent]) -> bool {
        let is_idle = agent.wait.is_some() || agent.stream.is_some();
        agent.pools.iter().all(|ix| {
            let pool = self.policy.pool(ix);
            let busy = before.iter().filter(|other| other.pools.contains(ix)).count();
            let idle = engine.roster().idle_count(ix) as usize + usize::from(!is_idle) - busy;
            pool.floor_over_reserve || idle > pool.reserve_against(tier) as usize
        })
    }

    fn dispatched(&mut self, before: &Engine, now: Time, event: &Event) {
        let starving = self.starving(before, now);
        self.rows.retain(|pair, _| starving.contains(pair));
        let (ticket, ids) = match event {
            Event::Assigned { ticket, agent, .. } => (ticket, vec![agent]),
            Event::Offered { ticket, agent, also, .. } => {
                let others = also.iter().map(|other| &other.agent);
                (ticket, std::iter::once(agent).chain(others).collect())
            }
            _ => return,
        };
        let agents: Vec<&Agent> =
            ids.into_iter().map(|agent| before.roster().get(agent).unwrap()).collect();
        self.several_count += u64::from(agents.len() > 1 && !starving.is_empty());
        let crew = agents.iter().fold(PoolSet::EMPTY, |all, agent| all.or(agent.pools));
        let taken = before.ticket_numbered(*ticket).unwrap().tier;
        for pair in &starving {
            self.rows.entry(*pair).or_default();
        }
        let every = u64::from(self.policy.floor_every().unwrap());
        let bounds = policy::describe(&self.policy).tiers;
        for (pair, row) in &mut self.rows {
            let (pool, tier) = *pair;
            row.together.extend(&starving);
            if !crew.contains(pool) {
                continue;
            }
            row.dispatch_count += 1;
            let names = &self.policy.pool(pool).name;
            let printed = bounds[usize::from(tier.0)].starving.iter();
            let mut printed = printed.filter(|bound| *bound.pool == **names);
            let printed = printed.find_map(|bound| bound.taken_within);
            if let Some(bound) = printed.filter(|_| self.lone_pools) {
                let count = row.dispatch_count;
                assert!(count <= bound, "{tier:?} in {pool:?}: {count} of {bound} promised");
            }
        }
        for pair in &starving {
            let (pool, tier) = *pair;
            let might_serve = |(at, agent): (usize, &&Agent)| {
                agent.pools.contains(pool) && self.is_open(before, agent, tier, &agents[..at])
            };
            if !agents.iter().enumerate().any(might_serve) {
                continue;
            }
            let row = self.rows.get_mut(pair).unwrap();
            row.passed_count += 1;
            let starved = row.together.iter();
            let together = starved.filter(|(other, _)| !self.lone_pools || *other == pool).count();
            let (count, bound) = (row.passed_count, every * together as u64);
            self.longest = self.longest.max(count);
            assert!(count <= bound, "{tier:?} in {pool:?}: {count} of {bound}");
        }
        for pool in crew.iter() {
            self.rows.remove(&(pool, taken));
        }
    }
}

/// An agent on a stream accepts what is offered, or is done with what was accepted.
fn next_on_stream(engine: &Engine, agent: &AgentId) -> Option<Command> {
    let number = *engine.roster().get(agent).unwrap().held.first()?;
    let ticket = engine.ticket_numbered(number).unwrap();
    Some(match ticket.offer_to(agent) {
        Some(offer) => Command::Accept { ticket: ticket.id.clone(), token: offer.token },
        None => complete(ticket),
    })
}

fn complete(ticket: &Ticket) -> Command {
    Command::Complete {
        ticket: ticket.id.clone(),
        token: ticket.assignment().unwrap().token,
        report: Report::default(),
        earlier: None,
    }
}

/// Plays a case before the watcher, and tells what it saw.
fn play(case: &Case, lone_pools: bool) -> Watcher {
    let mut watcher = Watcher {
        policy: case.policy.clone(),
        rows: BTreeMap::new(),
        lone_pools,
        longest: 0,
        several_count: 0,
    };
    let mut engine = Engine::new(Limits::default());
    let mut now = Time(0);
    let mut happen = |engine: &mut Engine, now: Time, event: &Event| {
        watcher.dispatched(engine, now, event);
        engine.apply(now, event);
    };
    let mut ask = |engine: &mut Engine, now: Time, command: Command| -> Option<Answer> {
        let decision = engine.decide(now, command).ok()?;
        for event in &decision.events {
            happen(engine, now, event);
        }
        while let Some(event) = engine.route(now).or_else(|| engine.expire(now)) {
            happen(engine, now, &event);
        }
        // Whoever got a ticket is done with it at once and may ask again; those on streams take their time.
        for agent in engine.roster().iter().cloned().collect::<Vec<_>>() {
            if agent.stream.is_some() {
                continue;
            }
            for number in &agent.held {
                let ticket = engine.ticket_numbered(*number).unwrap();
                let done = complete(ticket);
                for event in engine.decide(now, done).unwrap().events {
                    happen(engine, now, &event);
                }
            }
        }
        Some(decision.answer)
    };
    ask(&mut engine, now, Command::ApplyPolicy { policy: Arc::new(case.policy.clone()) });
    for (at, (pools, streams)) in case.crews.iter().enumerate() {
        let id = AgentId::new(format!("a{at}"));
        let profile =
            AgentProfile { id: id.clone(), pools: *pools, capacity: 1, ..AgentProfile::default() };
        ask(&mut engine, now, Command::PutAgent(profile));
        let presence = Presence::Available;
        let stream = Stream { session: None, maxima: Maxima::default() };
        let come = if *streams {
            Command::OpenWork { agent: id, stream, presence }
        } else {
            Command::SetPresence { agent: id, presence }
        };
        ask(&mut engine, now, come);
    }
    let mut submitted = 0_usize;
    for round in &case.rounds {
        now = now.plus_ms(round.after_ms);
        for (tier, is_mail) in &round.submits {
            submitted += 1;
            let submit = Submit {
                id: TicketId::new(format!("{submitted}")),
                fingerprint: 0,
                urgency: Urgency::Normal,
                channel: if *is_mail { Channel::Email } else { Channel::Voice },
                caller: None,
                content: Arc::new(Content::default()),
                lookup: Lookup::Given { tier: (*case.policy.tiers[*tier].name).into() },
                not_before: None,
                earlier: None,
                topic: None,
                asked: None,
            };
            ask(&mut engine, now, Command::Submit(Box::new(submit)));
        }
        if let Some(which) = round.cancel {
            let ticket = TicketId::new(format!("{}", which % submitted.max(1) + 1));
            ask(&mut engine, now, Command::Cancel { ticket, reason: "".into(), earlier: None });
        }
        for (agent, waits) in &round.pulls {
            if case.crews[*agent].1 {
                if let Some(next) = next_on_stream(&engine, &AgentId::new(format!("a{agent}"))) {
                    ask(&mut engine, now, next);
                }
                continue;
            }
            let wait_until = if *waits { now.plus_ms(5_000) } else { now };
            let agent = AgentId::new(format!("a{agent}"));
            ask(&mut engine, now, Command::Pull { agent, request: None, wait_until });
        }
    }
    watcher
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_starving_tier_is_served_within_the_dispatches_that_the_policy_check_prints(case in cases(true)) {
        play(&case, true);
    }

    #[test]
    fn where_agents_serve_in_several_pools_a_starving_tier_counts_in_each(case in cases(false)) {
        play(&case, false);
    }
}

/// The bound is no larger than it must be: with every tier starving it is reached.
#[test]
fn the_bound_is_reached_when_every_tier_starves() {
    let tiers = (0..3).map(|at| policies::tier(&format!("t{at}"), 1)).collect();
    let policy = policies::policy(Rule::GuardedEdf, 0, tiers);
    let submits = (0..3).flat_map(|tier| vec![(tier, false); 40]).collect();
    let first = Round { after_ms: 0, submits, pulls: Vec::new(), cancel: None };
    let pulls = vec![(0, false); 100];
    let then = Round { after_ms: 10_000, submits: Vec::new(), pulls, cancel: None };
    let case = Case { policy, crews: vec![(PoolSet(1), false)], rounds: vec![first, then] };
    assert_eq!(play(&case, true).longest, 30);
}

/// A dispatch to several agents passes a starving tier by once in each of their pools, and its turn comes as soon.
#[test]
fn offers_to_several_at_once_count_as_one_dispatch() {
    // Only the highest tier is served by both pools; who is asked first serves in the other one.
    let tiers = (0..3).map(|at| Tier {
        pools: PoolSet(if at == 0 { 0b11 } else { 0b10 }),
        ..policies::tier(&format!("t{at}"), 1)
    });
    let mut policy = policies::policy(Rule::GuardedEdf, 9, tiers.collect());
    policy.pools[0].offer.offer_to = 3;
    policy.pools[0].offer.offer_ms = 86_400_000;
    policy.pools[0].floor_over_reserve = true;
    policy.pools.push(Pool { name: "back".into(), ..policy.pools[0].clone() });
    // Those of the lower tiers wait for their turns: all agents are kept for the highest.
    let submits = (1..3).flat_map(|tier| vec![(tier, false); 40]).collect();
    let mut rounds = vec![Round { after_ms: 0, submits, pulls: Vec::new(), cancel: None }];
    for round in 0..40 {
        let after_ms = if round == 0 { 10_000 } else { 0 };
        // Who is asked beside the first accepts, and is done.
        let pulls = vec![(1, false); 6];
        rounds.push(Round { after_ms, submits: vec![(0, false)], pulls, cancel: None });
    }
    let crews = [0b01, 0b10].map(|pools| (PoolSet(pools), true)).to_vec();
    let seen = play(&Case { policy, crews, rounds }, false);
    assert_eq!(seen.longest, 20);
    assert!(seen.several_count > 20, "{}", seen.several_count);
}
