//! Engine images as sections, so that a million tickets pass through without one giant message.

use super::event::{decode_presence, encode_presence};
use super::needs::{decode_skills, encode_skills};
use super::ticket::{decode_finished, decode_ticket, encode_finished, encode_ticket};
use super::{
    Error, boxed, contacts, flow, name, narrow, policy, push, required, text, v1, wrap_up,
};
use crate::engine::capacity::PerChannel;
use crate::engine::contacts::ContactRecord;
use crate::engine::model::{
    Agent, AgentId, Finished, Image, LeaseToken, PoolSet, Ticket, TicketNumber, Time, Wait,
};
use prost::Message as _;
use std::sync::Arc;
use v1::section::Section as Kind;

/// Tickets or agents in a section: about 300 KB with a payload of 200 B, little enough to be held many times
/// over, enough that the section's frame costs nothing.
const ITEMS_PER_SECTION: usize = 1024;

/// One decoded section.
pub(in crate::journal) enum Section {
    /// The first section: an image with nothing in its lists.
    Head(Box<Image>),
    Agents(Vec<Agent>),
    Tickets(Vec<Ticket>),
    Finished(Vec<Finished>),
    Contacts(Vec<ContactRecord>),
    End(Totals),
}

/// How much there is of everything of which there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Totals {
    pub(in crate::journal) agents: u64,
    pub(in crate::journal) tickets: u64,
    pub(in crate::journal) finished: u64,
    pub(in crate::journal) contacts: u64,
}

impl Totals {
    fn of(image: &Image) -> Self {
        Self {
            agents: image.agents.len() as u64,
            tickets: image.tickets.len() as u64,
            finished: image.finished.len() as u64,
            contacts: image.contacts.len() as u64,
        }
    }
}

/// Gives the sections of `image` to `emit`, in their order, in one reused buffer.
pub(in crate::journal) fn encode_image<E>(
    image: &Image,
    mut emit: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut buffer = Vec::new();
    let mut section = |kind: Kind| {
        buffer.clear();
        let section = v1::Section { section: Some(kind) };
        section.encode(&mut buffer).expect("a Vec grows");
        emit(&buffer)
    };
    section(Kind::Head(v1::Head {
        at: image.at.0,
        policy: Some(policy::encode(&image.policy)),
        pools: image.pools.iter().map(policy::encode_record).collect(),
        next_number: image.next_number.0,
        next_token: image.next_token.0,
        flow: Some(flow::encode(&image.flow)),
    }))?;
    for agents in image.agents.chunks(ITEMS_PER_SECTION) {
        section(Kind::Agents(v1::Agents { agents: agents.iter().map(encode_agent).collect() }))?;
    }
    for tickets in image.tickets.chunks(ITEMS_PER_SECTION) {
        section(Kind::Tickets(v1::Tickets {
            tickets: tickets.iter().map(encode_ticket).collect(),
        }))?;
    }
    for finished in image.finished.chunks(ITEMS_PER_SECTION) {
        section(Kind::Finished(v1::FinishedTickets {
            finished: finished.iter().map(encode_finished).collect(),
        }))?;
    }
    for records in image.contacts.chunks(ITEMS_PER_SECTION) {
        let contacts = records.iter().map(contacts::encode_record).collect();
        section(Kind::Contacts(v1::Contacts { contacts }))?;
    }
    let totals = Totals::of(image);
    section(Kind::End(v1::End {
        agent_count: totals.agents,
        ticket_count: totals.tickets,
        finished_count: totals.finished,
        contact_count: totals.contacts,
    }))
}

impl Section {
    pub(in crate::journal) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let section = v1::Section::decode(bytes)?;
        Ok(match required(section.section, "section")? {
            Kind::Head(head) => Self::Head(Box::new(Image {
                at: Time(head.at),
                flow: flow::decode(head.flow, head.pools.len())?,
                policy: Arc::new(policy::decode(required(head.policy, "head.policy")?)?),
                pools: head
                    .pools
                    .into_iter()
                    .map(policy::decode_record)
                    .collect::<Result<_, _>>()?,
                agents: Vec::new(),
                tickets: Vec::new(),
                finished: Vec::new(),
                next_number: TicketNumber(head.next_number),
                next_token: LeaseToken(head.next_token),
                contacts: Vec::new(),
            })),
            Kind::Agents(agents) => Self::Agents(all(agents.agents, decode_agent)?),
            Kind::Tickets(tickets) => Self::Tickets(all(tickets.tickets, decode_ticket)?),
            Kind::Finished(some) => Self::Finished(all(some.finished, decode_finished)?),
            Kind::Contacts(some) => Self::Contacts(all(some.contacts, contacts::decode_record)?),
            Kind::End(end) => Self::End(Totals {
                agents: end.agent_count,
                tickets: end.ticket_count,
                finished: end.finished_count,
                contacts: end.contact_count,
            }),
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Head(_) => "head",
            Self::Agents(_) => "agents",
            Self::Tickets(_) => "tickets",
            Self::Finished(_) => "finished",
            Self::Contacts(_) => "contacts",
            Self::End(_) => "end",
        }
    }
}

/// Puts sections together again; complete once an end has agreed with what came before it.
#[derive(Default)]
pub(in crate::journal) struct Assembly {
    image: Option<Box<Image>>,
    is_complete: bool,
}

impl Assembly {
    pub(in crate::journal) fn add(&mut self, section: Section) -> Result<(), Error> {
        let found = section.kind();
        if self.is_complete {
            return Err(Error::Order { found });
        }
        match (section, &mut self.image) {
            (Section::Head(head), none @ None) => *none = Some(head),
            (Section::Agents(agents), Some(image)) => image.agents.extend(agents),
            (Section::Tickets(tickets), Some(image)) => image.tickets.extend(tickets),
            (Section::Finished(some), Some(image)) => image.finished.extend(some),
            (Section::Contacts(some), Some(image)) => image.contacts.extend(some),
            (Section::End(expected), Some(image)) => {
                agree(Totals::of(image), expected)?;
                self.is_complete = true;
            }
            (Section::Head(_), Some(_))
            | (
                Section::Agents(_)
                | Section::Tickets(_)
                | Section::Finished(_)
                | Section::Contacts(_)
                | Section::End(_),
                None,
            ) => return Err(Error::Order { found }),
        }
        Ok(())
    }

    pub(in crate::journal) fn finish(self) -> Result<Image, Error> {
        match self.image {
            Some(mut image) if self.is_complete => {
                image.fill_hands();
                Ok(*image)
            }
            Some(_) | None => Err(Error::Missing { field: "end" }),
        }
    }
}

fn agree(found: Totals, expected: Totals) -> Result<(), Error> {
    for (what, expected, found) in [
        ("agents", expected.agents, found.agents),
        ("tickets", expected.tickets, found.tickets),
        ("finished tickets", expected.finished, found.finished),
        ("contacts", expected.contacts, found.contacts),
    ] {
        if expected != found {
            return Err(Error::Total { what, expected, found });
        }
    }
    Ok(())
}

fn all<T, U>(messages: Vec<T>, decode: fn(T) -> Result<U, Error>) -> Result<Vec<U>, Error> {
    messages.into_iter().map(decode).collect()
}

fn encode_agent(agent: &Agent) -> v1::Agent {
    v1::Agent {
        id: agent.id.as_str().into(),
        name: (&*agent.name).into(),
        pools: agent.pools.0,
        capacity: agent.capacity.into(),
        presence: encode_presence(agent.presence),
        idle_since: agent.idle_since.0,
        wait: agent
            .wait
            .as_ref()
            .map(|wait| v1::Wait { until: wait.until.0, request: text(wait.request.as_deref()) }),
        held: agent.held.iter().map(|number| number.0).collect(),
        maxima: push::encode_maxima(&agent.maxima),
        stream: agent.stream.as_ref().map(push::encode_stream),
        declined: push::encode_declined(&agent.declined),
        missed_count: agent.missed_count.into(),
        skills: encode_skills(&agent.skills),
        last_token: agent.last_token.0,
        wrapping: wrap_up::encode(&agent.wrapping),
    }
}

fn decode_agent(agent: v1::Agent) -> Result<Agent, Error> {
    Ok(Agent {
        id: AgentId::new(name(agent.id, "agent.id")?),
        name: agent.name.into(),
        pools: PoolSet(agent.pools),
        skills: decode_skills(agent.skills)?,
        capacity: narrow(agent.capacity, "agent.capacity")?,
        presence: decode_presence(agent.presence, "agent.presence")?,
        idle_since: Time(agent.idle_since),
        last_token: LeaseToken(agent.last_token),
        wait: agent.wait.map(|wait| Wait { until: Time(wait.until), request: boxed(wait.request) }),
        held: agent.held.into_iter().map(TicketNumber).collect(),
        // Both follow from the tickets, which stand elsewhere in the snapshot.
        in_hand: PerChannel::default(),
        offered: Vec::new(),
        maxima: push::decode_maxima(agent.maxima, "agent.maxima")?,
        stream: agent.stream.map(push::decode_stream).transpose()?,
        declined: push::decode_declined(agent.declined)?,
        wrapping: wrap_up::decode(agent.wrapping)?,
        missed_count: narrow(agent.missed_count, "agent.missed_count")?,
    })
}
