//! What supervisors did, as messages.

use super::ticket::decode_pool;
use super::{Error, name, required, v1};
use crate::engine::command::{Intervened, Intervention, PoolSwitched};
use crate::engine::life::Destination;
use crate::engine::model::{AgentId, TicketNumber, Time};
use crate::engine::pause::Pause;

pub(super) fn encode_switched(switched: &PoolSwitched) -> v1::PoolSwitched {
    v1::PoolSwitched {
        pool: switched.pool.0.into(),
        by: (&*switched.by).into(),
        reason: (&*switched.reason).into(),
    }
}

pub(super) fn decode_switched(switched: v1::PoolSwitched) -> Result<Box<PoolSwitched>, Error> {
    Ok(Box::new(PoolSwitched {
        pool: decode_pool(switched.pool, "pool_switched.pool")?,
        by: switched.by.into(),
        reason: switched.reason.into(),
    }))
}

pub(super) fn encode_pause(pause: &Pause) -> v1::Pause {
    v1::Pause { since: pause.since.0, by: (&*pause.by).into(), reason: (&*pause.reason).into() }
}

pub(super) fn decode_pause(pause: v1::Pause) -> Pause {
    Pause { since: Time(pause.since), by: pause.by.into(), reason: pause.reason.into() }
}

pub(super) fn encode(intervened: &Intervened) -> v1::Intervened {
    let mut told = v1::Intervened {
        ticket: intervened.ticket.0,
        by: (&*intervened.by).into(),
        reason: (&*intervened.reason).into(),
        ..v1::Intervened::default()
    };
    let action = match &intervened.action {
        Intervention::Assign { agent } => {
            told.agent = Some(agent.as_str().into());
            v1::Intervention::Assign
        }
        Intervention::MoveToFront => v1::Intervention::MoveToFront,
        Intervention::Withdraw => v1::Intervention::Withdraw,
        Intervention::Requeue => v1::Intervention::Requeue,
        Intervention::Move { to, restart_clocks } => {
            told.restart_clocks = *restart_clocks;
            match to {
                Destination::Pool(pool) => told.to_pool = Some((&**pool).into()),
                Destination::Agent(agent) => told.agent = Some(agent.as_str().into()),
                Destination::Tier(tier) => told.to_tier = Some((&**tier).into()),
            }
            v1::Intervention::Move
        }
    };
    v1::Intervened { action: action.into(), ..told }
}

pub(super) fn decode(intervened: v1::Intervened) -> Result<Intervened, Error> {
    const FIELD: &str = "intervened.action";
    let agent = |agent| -> Result<AgentId, Error> {
        let agent = required(agent, "intervened.agent")?;
        Ok(AgentId::new(name(agent, "intervened.agent")?))
    };
    let action = match v1::Intervention::try_from(intervened.action) {
        Ok(v1::Intervention::Assign) => Intervention::Assign { agent: agent(intervened.agent)? },
        Ok(v1::Intervention::MoveToFront) => Intervention::MoveToFront,
        Ok(v1::Intervention::Withdraw) => Intervention::Withdraw,
        Ok(v1::Intervention::Requeue) => Intervention::Requeue,
        Ok(v1::Intervention::Move) => Intervention::Move {
            to: match (intervened.to_pool, intervened.to_tier) {
                (Some(pool), _) => Destination::Pool(pool.into()),
                (None, Some(tier)) => Destination::Tier(tier.into()),
                (None, None) => Destination::Agent(agent(intervened.agent)?),
            },
            restart_clocks: intervened.restart_clocks,
        },
        Ok(v1::Intervention::Unspecified) => return Err(Error::Missing { field: FIELD }),
        Err(_) => return Err(Error::Unknown { field: FIELD, value: intervened.action.into() }),
    };
    Ok(Intervened {
        ticket: TicketNumber(intervened.ticket),
        action,
        by: intervened.by.into(),
        reason: intervened.reason.into(),
    })
}
