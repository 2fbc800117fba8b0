//! `OpsService`: what waits, who works, why each decision was made, and what supervisors do about it.

use super::convert::{self, pool_names, queue_id, rank, timestamp};
use super::follow::Events;
use super::proto::v1 as pb;
use super::proto::v1::ops_service_server::OpsService;
use super::status::Fault;
use super::stream::Overviews;
use super::validate::{Checks, WATCH_INTERVAL_MS, WATCH_INTERVAL_MS_DEFAULT};
use super::{Api, explain, forecast, pools};
use crate::driver::{PoolView, QueueView, Seen, TierView, View};
use crate::engine::command::Intervention;
use crate::engine::model::{Policy, Pool, Tier, Time};
use crate::engine::queue::QueueKey;
use std::time::Duration;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl OpsService for Api {
    async fn list_queues(
        &self,
        _: Request<pb::ListQueuesRequest>,
    ) -> Result<Response<pb::ListQueuesResponse>, Status> {
        let view = self.handle.view();
        let overview = overview(&view, self.handle.clock().now(), self.started_at);
        Ok(Response::new(pb::ListQueuesResponse { overview: Some(overview) }))
    }

    type WatchQueuesStream = Overviews;

    async fn watch_queues(
        &self,
        request: Request<pb::WatchQueuesRequest>,
    ) -> Result<Response<Self::WatchQueuesStream>, Status> {
        let mut checks = Checks::default();
        let interval = request.get_ref().min_interval.as_ref();
        let interval_ms = interval.map_or(WATCH_INTERVAL_MS_DEFAULT, |interval| {
            checks.duration_ms("min_interval", interval, &WATCH_INTERVAL_MS)
        });
        checks.done()?;
        let permit = self.watcher()?;
        let interval = Duration::from_millis(interval_ms.unsigned_abs());
        let (clock, since) = (self.handle.clock(), self.started_at);
        // Throttled before it is built: a view that nobody is sent costs nothing.
        let views = WatchStream::new(self.handle.views()).throttle(interval);
        let overviews = views.map(move |view| overview(&view, clock.now(), since));
        let mut last = self.handle.views();
        let over = async move {
            // Either way there will be no more.
            let _ = last.wait_for(|view| view.is_draining).await;
        };
        Ok(Response::new(Overviews::of(overviews, over, permit)))
    }

    async fn list_agents(
        &self,
        request: Request<pb::ListAgentsRequest>,
    ) -> Result<Response<pb::ListAgentsResponse>, Status> {
        Ok(Response::new(self.list_agents_page(request.get_ref()).await?))
    }

    async fn list_repeat_contacts(
        &self,
        request: Request<pb::ListRepeatContactsRequest>,
    ) -> Result<Response<pb::ListRepeatContactsResponse>, Status> {
        Ok(Response::new(self.repeats(request.get_ref()).await?))
    }

    async fn report_costs(
        &self,
        request: Request<pb::ReportCostsRequest>,
    ) -> Result<Response<pb::ReportCostsResponse>, Status> {
        Ok(Response::new(self.cost_report(request.get_ref()).await?))
    }

    async fn audit(
        &self,
        _: Request<pb::AuditRequest>,
    ) -> Result<Response<pb::AuditResponse>, Status> {
        Ok(Response::new(self.audit_report().await?))
    }

    async fn release_quarantined(
        &self,
        request: Request<pb::ReleaseQuarantinedRequest>,
    ) -> Result<Response<pb::ReleaseQuarantinedResponse>, Status> {
        let ticket = self.quarantined_released(&request.get_ref().ticket_id).await?;
        Ok(Response::new(pb::ReleaseQuarantinedResponse { ticket: Some(ticket) }))
    }

    async fn explain_ticket(
        &self,
        request: Request<pb::ExplainTicketRequest>,
    ) -> Result<Response<pb::ExplainTicketResponse>, Status> {
        let mut checks = Checks::default();
        let id = checks.ticket_id(&request.get_ref().ticket_id);
        let assigned_seq = request.get_ref().assigned_seq;
        if assigned_seq == Some(0) {
            checks.fault("assigned_seq", "is 0; events count from 1");
        }
        checks.done()?;
        if let Some(seq) = assigned_seq {
            return Ok(Response::new(self.decided_at(&id, seq).await?));
        }
        loop {
            let explained = self.handle.explain(id.clone()).await;
            let explained = explained.map_err(|refused| Fault::refused(refused, id.as_str()))?;
            if let Some((explanation, beside)) = explained {
                return Ok(Response::new(explain::live(explanation, &beside)));
            }
            if let Seen::Ended(row) = self.seen(&id).await? {
                let now = self.handle.clock().now();
                let mut ids = self.ids_of(row.decided.as_deref()).await?;
                ids.insert(row.number, row.id.clone());
                return Ok(Response::new(explain::finished(&row, &ids, now)));
            }
            // It was submitted between the two questions: it can be explained now.
        }
    }

    async fn explain_agent(
        &self,
        request: Request<pb::ExplainAgentRequest>,
    ) -> Result<Response<pb::ExplainAgentResponse>, Status> {
        Ok(Response::new(self.agent_explained(request.get_ref()).await?))
    }

    async fn why_not(
        &self,
        request: Request<pb::WhyNotRequest>,
    ) -> Result<Response<pb::WhyNotResponse>, Status> {
        Ok(Response::new(self.why_not_explained(request.get_ref()).await?))
    }

    type WatchEventsStream = Events;

    async fn watch_events(
        &self,
        request: Request<pb::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        Ok(Response::new(self.events(request.get_ref()).await?))
    }

    async fn force_assign(
        &self,
        request: Request<pb::ForceAssignRequest>,
    ) -> Result<Response<pb::ForceAssignResponse>, Status> {
        let pb::ForceAssignRequest { ticket_id, agent_id, reason, by } = request.get_ref();
        let mut checks = Checks::default();
        let agent = checks.agent_id(agent_id);
        let action = Intervention::Assign { agent };
        let ticket = Some(self.intervene(checks, ticket_id, action, reason, by).await?);
        Ok(Response::new(pb::ForceAssignResponse { ticket }))
    }

    async fn move_to_front(
        &self,
        request: Request<pb::MoveToFrontRequest>,
    ) -> Result<Response<pb::MoveToFrontResponse>, Status> {
        let pb::MoveToFrontRequest { ticket_id, reason, by } = request.get_ref();
        let (checks, action) = (Checks::default(), Intervention::MoveToFront);
        let ticket = Some(self.intervene(checks, ticket_id, action, reason, by).await?);
        Ok(Response::new(pb::MoveToFrontResponse { ticket }))
    }

    async fn withdraw_ticket(
        &self,
        request: Request<pb::WithdrawTicketRequest>,
    ) -> Result<Response<pb::WithdrawTicketResponse>, Status> {
        let pb::WithdrawTicketRequest { ticket_id, reason, by } = request.get_ref();
        let (checks, action) = (Checks::default(), Intervention::Withdraw);
        let ticket = Some(self.intervene(checks, ticket_id, action, reason, by).await?);
        Ok(Response::new(pb::WithdrawTicketResponse { ticket }))
    }

    async fn requeue_ticket(
        &self,
        request: Request<pb::RequeueTicketRequest>,
    ) -> Result<Response<pb::RequeueTicketResponse>, Status> {
        let pb::RequeueTicketRequest { ticket_id, reason, by } = request.get_ref();
        let (checks, action) = (Checks::default(), Intervention::Requeue);
        let ticket = Some(self.intervene(checks, ticket_id, action, reason, by).await?);
        Ok(Response::new(pb::RequeueTicketResponse { ticket }))
    }

    async fn bulk_action(
        &self,
        request: Request<pb::BulkActionRequest>,
    ) -> Result<Response<pb::BulkActionResponse>, Status> {
        Ok(Response::new(self.acted_on_many(request.get_ref()).await?))
    }

    async fn move_ticket(
        &self,
        request: Request<pb::MoveTicketRequest>,
    ) -> Result<Response<pb::MoveTicketResponse>, Status> {
        use pb::move_ticket_request::To;
        use pb::transfer_ticket_request::To as Named;
        let request = request.into_inner();
        let pb::MoveTicketRequest { ticket_id, to, restart_clocks, reason, by } = request;
        let to = to.map(|to| match to {
            To::Pool(pool) => Named::Pool(pool),
            To::AgentId(agent) => Named::AgentId(agent),
            To::Tier(tier) => Named::Tier(tier),
        });
        let mut checks = Checks::default();
        let to = checks.destination(to.as_ref());
        let action = Intervention::Move { to, restart_clocks };
        let ticket = Some(self.intervene(checks, &ticket_id, action, &reason, &by).await?);
        Ok(Response::new(pb::MoveTicketResponse { ticket }))
    }

    async fn pause_pool(
        &self,
        request: Request<pb::PausePoolRequest>,
    ) -> Result<Response<pb::PausePoolResponse>, Status> {
        Ok(Response::new(self.pool_paused(request.get_ref()).await?))
    }

    async fn resume_pool(
        &self,
        request: Request<pb::ResumePoolRequest>,
    ) -> Result<Response<pb::ResumePoolResponse>, Status> {
        Ok(Response::new(self.pool_resumed(request.get_ref()).await?))
    }
}

/// The whole floor: `view` as it is still true at `now`, counted since `since`.
fn overview(view: &View, now: Time, since: Time) -> pb::Overview {
    let policy = &view.policy;
    let tiers = view.tiers.iter().zip(&policy.tiers).enumerate();
    let pools = view.pools.iter().zip(&policy.pools);
    pb::Overview {
        taken_at: Some(timestamp(now)),
        since: Some(timestamp(since)),
        policy_version: policy.version.to_string(),
        queues: view.queues.iter().map(|queue| queue_message(queue, policy, now)).collect(),
        tiers: tiers.map(|(at, (tier, of))| tier_message(at, tier, of, view)).collect(),
        pools: pools.map(|(pool, of)| pool_message(pool, of, policy)).collect(),
        waiting_count: view.waiting_count as u64,
        assigned_count: view.assigned_count() as u64,
        unconfirmed_count: view.unconfirmed_count as u64,
        agent_count: u32::try_from(view.agent_count).unwrap_or(u32::MAX),
    }
}

fn queue_message(queue: &QueueView, policy: &Policy, now: Time) -> pb::Queue {
    let QueueKey { tier, channel, pools, .. } = queue.key;
    pb::Queue {
        queue_id: queue_id(policy, &queue.key),
        tier: policy.tier(tier).name.to_string(),
        tier_rank: rank(tier.0.into()),
        channel: pb::Channel::from(channel).into(),
        pools: pool_names(policy, pools),
        depth: queue.depth as u64,
        next_wait_ms: now.since_ms(queue.front_submitted_at),
        next_deadline: Some(timestamp(queue.front_respond_by)),
        late_count: queue.late_count,
    }
}

fn tier_message(at: usize, tier: &TierView, of: &Tier, view: &View) -> pb::TierStats {
    let own = view.queues.iter().filter(|queue| usize::from(queue.key.tier.0) == at);
    let [p50, p95] = tier.recent_wait_p50_p95_ms.map_or([None, None], |waits| waits.map(Some));
    pb::TierStats {
        tier: of.name.to_string(),
        rank: rank(at),
        waiting_count: own.map(|queue| queue.depth as u64).sum(),
        submitted_count: tier.submitted_count,
        picked_up_count: tier.picked_up_count,
        in_deadline_count: tier.in_time_count,
        response_breached_count: tier.response_breached_count,
        solution_breached_count: tier.solution_breached_count,
        completed_count: tier.completed_count,
        abandoned_count: tier.abandoned_count,
        lease_expired_count: tier.lease_expired_count,
        wait_p50_ms: p50,
        wait_p95_ms: p95,
        forecast_coverage: forecast::coverage(&tier.coverage),
        forecast_error_ms: forecast::error_ms(&tier.coverage),
    }
}

fn pool_message(pool: &PoolView, of: &Pool, policy: &Policy) -> pb::PoolStats {
    pb::PoolStats {
        pool: of.name.to_string(),
        agent_count: pool.agent_count,
        idle_count: pool.idle_count,
        busy_count: pool.busy_count,
        wrap_up_count: pool.wrap_up_count,
        away_count: pool.away_count,
        draining_count: pool.draining_count,
        stream_count: pool.stream_count,
        offered_count: pool.offered_count,
        pulling_count: pool.pulling_count,
        paused: pool.paused.as_deref().map(|pause| pools::message(&of.name, pause)),
        reserves: convert::reserves(policy, of),
        mean_handle_ms: pool.handle_ms,
        handled_count: pool.handled_count,
    }
}
