//! `AdminService`: agents, customers, the policy and the server itself.

use super::names::no_pool;
use super::proto::v1 as pb;
use super::proto::v1::admin_service_server::AdminService;
use super::status::Fault;
use super::validate::{AGENT_NAME_CHARS_MAX, Checks, IMPORT_ROWS_MAX};
use super::{Api, clocks, convert, farewell, limits};
use crate::coding::replacing;
use crate::directory::{self, Customer, Directory, Health, Lookup};
use crate::engine::Engine;
use crate::engine::command::AgentProfile;
use crate::engine::model::{AgentId, PoolSet};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Faulty rows that one import tells; the others are counted.
pub(super) const FAULTS_TOLD_MAX: usize = 100;

#[tonic::async_trait]
impl AdminService for Api {
    async fn put_agent(
        &self,
        request: Request<pb::PutAgentRequest>,
    ) -> Result<Response<pb::PutAgentResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let id = checks.agent_id(&request.agent_id);
        let name = checks.line("name", &request.name, AGENT_NAME_CHARS_MAX);
        checks.pools(&request.pools);
        let capacity = checks.capacity(request.capacity);
        let skills = checks.skills(&request.skills);
        let maxima = checks.maxima(&request.maxima);
        checks.done()?;
        let pools = self.pools_named(request.pools).await?;
        let skills = self.skills_named(skills).await?;
        let profile = AgentProfile { id: id.clone(), name, pools, skills, capacity, maxima };
        let put = self.handle.put_agent(profile).await;
        put.map_err(|refused| Fault::refused(refused, id.as_str()))?;
        let agent = self.agent(&id).await?;
        Ok(Response::new(pb::PutAgentResponse { agent: Some(agent) }))
    }

    async fn get_agent(
        &self,
        request: Request<pb::GetAgentRequest>,
    ) -> Result<Response<pb::GetAgentResponse>, Status> {
        let id = checked_agent(&request.get_ref().agent_id)?;
        let agent = self.agent(&id).await?;
        Ok(Response::new(pb::GetAgentResponse { agent: Some(agent) }))
    }

    async fn delete_agent(
        &self,
        request: Request<pb::DeleteAgentRequest>,
    ) -> Result<Response<pb::DeleteAgentResponse>, Status> {
        let id = checked_agent(&request.get_ref().agent_id)?;
        let deleted = self.handle.delete_agent(id.clone()).await;
        deleted.map_err(|refused| Fault::refused(refused, id.as_str()))?;
        Ok(Response::new(pb::DeleteAgentResponse {}))
    }

    async fn put_customer(
        &self,
        request: Request<pb::PutCustomerRequest>,
    ) -> Result<Response<pb::PutCustomerResponse>, Status> {
        let mut checks = Checks::default();
        let customer = checks.required("customer", request.into_inner().customer);
        checks.done()?;
        let customer = checked_customer(&customer)?;
        let checked = replacing::check(&self.directory, &customer).await;
        let checked = checked.map_err(|error| Fault::directory(&error))?;
        checked.map_err(|fault| farewell::not_replacing(&fault))?;
        let stored = self.directory.put(customer).await;
        let stored = stored.map_err(|error| Fault::directory(&error))?;
        let customer = Some((&stored).into());
        Ok(Response::new(pb::PutCustomerResponse { customer }))
    }

    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let mut checks = Checks::default();
        let given = checks.required("identifier", request.into_inner().identifier);
        checks.done()?;
        let mut checks = Checks::default();
        let identifier = checks.inside("identifier.", |checks| checks.identifier(&given));
        checks.done()?;
        let identifier = identifier.expect("an identifier without a fault is one");
        match self.directory.lookup_fresh(&identifier).await {
            Lookup::Found { customer } | Lookup::Stale { customer, .. } => {
                let customer = Some((&*customer).into());
                Ok(Response::new(pb::GetCustomerResponse { customer }))
            }
            Lookup::Unknown => Err(Fault::customer_not_found().into()),
            Lookup::Unavailable => Err(Fault::directory_unavailable().into()),
        }
    }

    async fn delete_customer(
        &self,
        request: Request<pb::DeleteCustomerRequest>,
    ) -> Result<Response<pb::DeleteCustomerResponse>, Status> {
        let id = request.into_inner().customer_id;
        let mut checks = Checks::default();
        checks.customer_id(&id);
        checks.done()?;
        match self.directory.delete(&id).await {
            Ok(true) => Ok(Response::new(pb::DeleteCustomerResponse {})),
            Ok(false) => Err(Fault::customer_not_found().into()),
            Err(error) => Err(Fault::directory(&error).into()),
        }
    }

    type ImportCustomersStream = ReceiverStream<Result<pb::ImportCustomersResponse, Status>>;

    async fn import_customers(
        &self,
        request: Request<Streaming<pb::ImportCustomersRequest>>,
    ) -> Result<Response<Self::ImportCustomersStream>, Status> {
        let (answers, answered) = mpsc::channel(1);
        let directory = self.directory.clone();
        tokio::spawn(async move {
            let mut import = Import { directory, so_far: pb::ImportCustomersResponse::default() };
            if let Err(status) = import.run(request.into_inner(), &answers).await {
                // A caller who is gone hears nothing.
                let _ = answers.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(answered)))
    }

    async fn list_customers(
        &self,
        request: Request<pb::ListCustomersRequest>,
    ) -> Result<Response<pb::ListCustomersResponse>, Status> {
        let request = request.get_ref();
        let mut checks = Checks::default();
        let count = checks.page_size(request.page_size);
        let after = checks.customer_place(&request.page_token);
        checks.done()?;
        let page = self.directory.list(after, count).await;
        let page = page.map_err(|error| match error {
            directory::Error::Invalid(invalid) if invalid.field == "page_token" => {
                Fault::field("page_token", "is not a next_page_token of this list".to_owned())
            }
            error => Fault::directory(&error),
        })?;
        Ok(Response::new(pb::ListCustomersResponse {
            customers: page.customers.iter().map(Into::into).collect(),
            next_page_token: page.next.unwrap_or_default(),
            malformed_count: u32::try_from(page.malformed_count).unwrap_or(u32::MAX),
        }))
    }

    async fn propose_farewell(
        &self,
        request: Request<pb::ProposeFarewellRequest>,
    ) -> Result<Response<pb::ProposeFarewellResponse>, Status> {
        let customer = Some(self.propose_farewell_of(request.get_ref()).await?);
        Ok(Response::new(pb::ProposeFarewellResponse { customer }))
    }

    async fn confirm_farewell(
        &self,
        request: Request<pb::ConfirmFarewellRequest>,
    ) -> Result<Response<pb::ConfirmFarewellResponse>, Status> {
        Ok(Response::new(self.confirm_farewell_of(request.get_ref()).await?))
    }

    async fn withdraw_farewell(
        &self,
        request: Request<pb::WithdrawFarewellRequest>,
    ) -> Result<Response<pb::WithdrawFarewellResponse>, Status> {
        let customer = Some(self.withdraw_farewell_of(request.get_ref()).await?);
        Ok(Response::new(pb::WithdrawFarewellResponse { customer }))
    }

    async fn plan_contacts(
        &self,
        request: Request<pb::PlanContactsRequest>,
    ) -> Result<Response<pb::PlanContactsResponse>, Status> {
        Ok(Response::new(self.plan_of_contacts(request.get_ref()).await?))
    }

    async fn get_policy(
        &self,
        _: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let view = self.handle.view();
        let mut policy = pb::Policy::from(&*view.policy);
        let now = self.handle.clock().now();
        policy.hours =
            view.policy.hours.iter().map(|hours| clocks::business_hours(hours, now)).collect();
        let policy = Some(policy);
        Ok(Response::new(pb::GetPolicyResponse { policy }))
    }

    async fn check_policy(
        &self,
        request: Request<pb::CheckPolicyRequest>,
    ) -> Result<Response<pb::CheckPolicyResponse>, Status> {
        Ok(Response::new(Self::check_policy_text(&request.get_ref().toml)))
    }

    async fn diff_policy(
        &self,
        request: Request<pb::DiffPolicyRequest>,
    ) -> Result<Response<pb::DiffPolicyResponse>, Status> {
        Ok(Response::new(self.diff_policy_text(&request.get_ref().toml).await?))
    }

    async fn apply_policy(
        &self,
        request: Request<pb::ApplyPolicyRequest>,
    ) -> Result<Response<pb::ApplyPolicyResponse>, Status> {
        Ok(Response::new(self.apply_policy_text(request.get_ref()).await?))
    }

    async fn rollback_policy(
        &self,
        request: Request<pb::RollbackPolicyRequest>,
    ) -> Result<Response<pb::RollbackPolicyResponse>, Status> {
        Ok(Response::new(self.roll_back_policy(request.get_ref()).await?))
    }

    async fn list_policy_versions(
        &self,
        request: Request<pb::ListPolicyVersionsRequest>,
    ) -> Result<Response<pb::ListPolicyVersionsResponse>, Status> {
        Ok(Response::new(self.policy_versions(request.get_ref()).await?))
    }

    async fn get_server_info(
        &self,
        _: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::GetServerInfoResponse>, Status> {
        let look = |engine: &Engine, _| {
            let counts = [engine.ticket_count(), engine.roster().len()];
            (engine.limits(), counts, engine.policy().version.to_string())
        };
        let seen = self.handle.read(look).await.map_err(|refused| Fault::refused(refused, ""))?;
        let (engine_limits, [tickets, agents], policy_version) = seen;
        let watchers = self.watchers.taken_count();
        let work_streams = self.work_streams.taken_count();
        let used = limits::Used { tickets, agents, watchers, work_streams };
        let clock = self.handle.clock();
        let mut limits = limits::told(engine_limits, &self.settings, used);
        limits.extend(limits::of_queues(&self.handle.view()));
        Ok(Response::new(pb::GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(convert::timestamp(self.started_at)),
            now: Some(convert::timestamp(clock.now())),
            clock_speed: clock.speed(),
            policy_version,
            directory: self.settings.directory.to_owned(),
            directory_up: *self.directory.health().borrow() == Health::Up,
            limits,
        }))
    }
}

impl Api {
    /// The set of pools of these names.
    async fn pools_named(&self, names: Vec<String>) -> Result<PoolSet, Fault> {
        let look = move |engine: &Engine, _| {
            let mut checks = Checks::default();
            let mut pools = PoolSet::EMPTY;
            for (at, name) in names.iter().enumerate() {
                match engine.policy().pool_named(name) {
                    Some(pool) => pools = pools.with(pool),
                    None => checks.fault(&format!("pools[{at}]"), no_pool(name, engine.policy())),
                }
            }
            checks.done().map(|()| pools)
        };
        self.handle.read(look).await.map_err(|refused| Fault::refused(refused, ""))?
    }
}

/// An import in progress.
struct Import {
    directory: Directory,
    so_far: pb::ImportCustomersResponse,
}

impl Import {
    async fn run(
        &mut self,
        mut batches: Streaming<pb::ImportCustomersRequest>,
        answers: &mpsc::Sender<Result<pb::ImportCustomersResponse, Status>>,
    ) -> Result<(), Status> {
        let mut told_count = 0;
        while let Some(batch) = batches.message().await? {
            self.so_far.faults.clear();
            let good = self.checked(batch, &mut told_count).await?;
            let stored_count = good.len() as u64;
            let stored = self.directory.import(good).await;
            stored.map_err(|error| Fault::directory(&error))?;
            self.so_far.stored_count += stored_count;
            if answers.send(Ok(self.so_far.clone())).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The rows without a fault; the others are noted.
    async fn checked(
        &mut self,
        batch: pb::ImportCustomersRequest,
        told_count: &mut usize,
    ) -> Result<Vec<Customer>, Fault> {
        let pb::ImportCustomersRequest { rows, with_farewells } = batch;
        let count = rows.len();
        if !(1..=IMPORT_ROWS_MAX).contains(&count) {
            let range = format!("has {count} entries, 1 to {IMPORT_ROWS_MAX} are allowed");
            return Err(Fault::field("rows", range));
        }
        self.so_far.row_count += count as u64;
        let mut good = Vec::with_capacity(count);
        for row in rows {
            let mut checks = Checks::default();
            let customer = checks.required("customer", row.customer);
            let checked = checks.done().and_then(|()| checked_customer(&customer));
            let checked = match checked {
                Ok(customer) => {
                    let to = &self.directory;
                    let checked = replacing::check_import(to, &customer, with_farewells).await;
                    let checked = checked.map_err(|error| Fault::directory(&error))?;
                    checked.map(|()| customer).map_err(|fault| farewell::not_replacing(&fault))
                }
                Err(fault) => Err(fault),
            };
            match checked {
                Ok(customer) => good.push(customer),
                Err(fault) => {
                    self.so_far.refused_count += 1;
                    if *told_count < FAULTS_TOLD_MAX {
                        *told_count += 1;
                        let fault = pb::ImportFault { line: row.line, error: Some(fault.into()) };
                        self.so_far.faults.push(fault);
                    }
                }
            }
        }
        Ok(good)
    }
}

/// The customer in the one form in which customers are stored.
fn checked_customer(customer: &pb::Customer) -> Result<Customer, Fault> {
    let mut checks = Checks::default();
    let customer = checks.inside("customer.", |checks| checks.customer(customer));
    checks.done()?;
    customer.checked().map_err(|invalid| Fault::directory(&invalid.into()))
}

fn checked_agent(id: &str) -> Result<AgentId, Fault> {
    let mut checks = Checks::default();
    let id = checks.agent_id(id);
    checks.done()?;
    Ok(id)
}
