//! rmqtt for a test: `rmqtt-for-tests ADDRESS:PORT`. Everybody may do everything.
use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Result};
use rmqtt::server::MqttServer;

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).expect("an address").parse()?;
    let context = ServerContext::new().build().await;
    rmqtt_shared_subscription::register(&context, true, false).await?;
    let listener = Builder::new()
        .name("tcp")
        .laddr(address)
        .reuseaddr(Some(true)) // killed and started again, it takes the same port
        .allow_anonymous(true)
        .bind()?
        .tcp()?;
    MqttServer::new(context).listener(listener).build().run().await
}
