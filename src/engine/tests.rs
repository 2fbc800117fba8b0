//! The rules, one sentence a test.

mod agents;
mod audit;
mod by_name;
mod capacity;
mod choices;
mod dispatch;
mod leases;
mod life;
mod limits;
mod live_policy;
mod many_queues;
mod moves;
mod offers;
mod offers_several;
mod outlook;
mod policies;
mod retries;
mod script;
mod skills;
mod starvation;
mod supervise;
mod tickets;
mod timers;
mod timing;
mod why;
mod why_not;
