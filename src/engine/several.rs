//! Offers to several agents at once: whom a ticket is offered to, and who is chosen beside the first.
//!
//! A pool's `offer_to` says how many. All are chosen at the same instant, have a token each and as long
//! to answer. The first who accepts has the ticket, and the others' offers are taken back in the same
//! step; while anyone has yet to answer, the ticket stays offered.

use super::Engine;
use super::compared::Compared;
use super::dispatch::{Floor, Survey};
use super::model::{
    Agent, AgentId, Assignment, Channel, LeaseToken, PoolIx, PoolSet, State, Step, Ticket, TierIx,
    TierSet, Time,
};
use super::needs::Crew;

/// The most agents that a ticket is offered to at once.
pub const OFFER_TO_MAX: u8 = 8;
/// Of each crew, as many are looked at in the order of choice for some on streams.
const LOOKED_AT_MAX: usize = 64;
/// As many surveys are made for the agents beside the first: with more crews than that who might serve
/// the ticket, the last in the order of choice are not asked.
const SURVEYS_MAX: usize = 32;

/// Whom a ticket is offered to. The agents are different ones, and the offers end at the same instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The first in the order of choice among those who have yet to answer.
    pub first: Assignment,
    /// The others, in that order.
    pub also: Vec<Assignment>,
}

impl Offers {
    /// Every offer, in the order of choice.
    pub fn iter(&self) -> impl Iterator<Item = &Assignment> {
        std::iter::once(&self.first).chain(&self.also)
    }

    /// The same, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Assignment> {
        std::iter::once(&mut self.first).chain(&mut self.also)
    }

    /// The offer of that token.
    pub fn with_token(&self, token: LeaseToken) -> Option<&Assignment> {
        self.iter().find(|offer| offer.token == token)
    }

    /// Ends the offer of that token; answers whether it was the last one, which then is still there.
    pub(super) fn end(&mut self, token: LeaseToken) -> bool {
        if self.also.is_empty() {
            return true;
        }
        if self.first.token == token {
            self.first = self.also.remove(0);
        } else {
            self.also.retain(|offer| offer.token != token);
        }
        false
    }
}

/// An agent to whom a ticket is offered beside the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlsoOffered {
    /// Who.
    pub agent: AgentId,
    /// On behalf of which pool.
    pub pool: PoolIx,
    /// The fencing token of this offer, and of the lease if it is accepted.
    pub token: LeaseToken,
    /// The step of the rule that decided.
    pub step: Step,
    /// The heads that competed, if there was a choice.
    pub compared: Option<Compared>,
    /// The starving tiers that it passed by.
    pub passed: TierSet,
}

impl Ticket {
    /// Every offer of the ticket that has yet to be answered, in the order of choice.
    pub fn offers(&self) -> impl Iterator<Item = &Assignment> {
        let offers = match &self.state {
            State::Offered(offers) => Some(offers),
            State::Scheduled { .. }
            | State::Waiting
            | State::Assigned(_)
            | State::Parked(_)
            | State::Quarantined(_) => None,
        };
        offers.into_iter().flat_map(|offers| offers.iter())
    }

    /// The offer of the ticket to that agent.
    pub fn offer_to(&self, agent: &AgentId) -> Option<&Assignment> {
        self.offers().find(|offer| offer.agent == *agent)
    }
}

impl Engine {
    /// Who is offered the ticket that `survey` takes beside `first`, an agent on a stream: those on streams
    /// whose own choice is the same ticket, in the order of choice of the ticket's pool. `turns` are the
    /// crews with someone waiting. Reserves hold as if those before had their offers already.
    pub(super) fn also_chosen(
        &self,
        turns: &[(&AgentId, &Crew)],
        first: &Agent,
        survey: &Survey,
        now: Time,
    ) -> Vec<AlsoOffered> {
        let (head, _) = survey.taken().expect("the first is offered what it takes");
        let pool = self.policy.pool(head.pool);
        let most = usize::from(pool.offer.offer_to).saturating_sub(1);
        if most == 0 {
            return Vec::new();
        }
        let ticket = self.ticket_numbered(head.ticket).expect("only live tickets wait");
        let mut candidates = Vec::new();
        for (_, crew) in turns {
            if crew.serves(&head.queue).is_none() {
                continue;
            }
            let standings = self.standings(crew, ticket.wish(), pool.choice);
            let streaming = standings.take(LOOKED_AT_MAX).filter_map(|candidate| {
                let agent = self.roster.get(candidate.agent)?;
                let is_other = agent.stream.is_some() && agent.id != first.id;
                is_other.then_some((candidate, agent, *crew))
            });
            candidates.extend(streaming.take(most));
        }
        candidates.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut leaving: Vec<PoolSet> = self.leaving(first, ticket.channel).into_iter().collect();
        let mut refused: Vec<&Crew> = Vec::new();
        let mut also = Vec::new();
        for (_, agent, crew) in candidates {
            if also.len() == most || also.len() + refused.len() == SURVEYS_MAX {
                break;
            }
            if refused.contains(&crew) {
                continue;
            }
            let floor = Floor { leaving: &leaving, ..self.floor() };
            let survey = floor.survey(crew, true, now);
            let taken = survey.taken().filter(|(own, _)| own.ticket == head.ticket);
            let Some((own, step)) = taken else {
                refused.push(crew);
                continue;
            };
            also.push(AlsoOffered {
                agent: agent.id.clone(),
                pool: own.pool,
                token: LeaseToken(self.next_token.0 + 1 + also.len() as u64),
                step,
                compared: Compared::of(&survey),
                passed: self.passed_by(&survey),
            });
            leaving.extend(self.leaving(agent, ticket.channel));
        }
        also
    }

    /// The pools of an idle agent in which one agent less is idle with an offer on that channel.
    fn leaving(&self, agent: &Agent, channel: Channel) -> Option<PoolSet> {
        let mut offered = agent.clone();
        offered.in_hand[channel.index()] += 1;
        (!self.roster.is_idle(&offered)).then_some(agent.pools)
    }

    /// A dispatch to several agents is one dispatch in every pool of any of them; it has passed by what any
    /// agent of the pool might have served.
    pub(super) fn count_dispatch_to(&mut self, tier: TierIx, agents: &[(&AgentId, TierSet)]) {
        let mut crews = Vec::with_capacity(agents.len());
        for (agent, passed) in agents {
            let known = self.roster.get(agent).expect("an event names a known agent");
            crews.push((self.roster.open_pools(known), *passed));
        }
        let all = crews.iter().fold(PoolSet::EMPTY, |all, (pools, _)| all.or(*pools));
        for pool in all.iter() {
            let own = crews.iter().filter(|(pools, _)| pools.contains(pool));
            let passed = own.fold(TierSet::EMPTY, |all, (_, passed)| all.or(*passed));
            self.records[usize::from(pool.0)].count_dispatch(tier, passed);
        }
    }
}
