//! Who knows which Redis to talk to.

use secrecy::SecretString;

use crate::{
    QueueError,
    redis::{cluster::Cluster, sentinel::Sentinels},
};

pub(crate) enum Locator {
    /// The address of the setting, which may lead to another Redis after a failover: it is resolved
    /// for each new connection.
    Address,
    Sentinels(Sentinels),
    Cluster(Cluster),
}

impl Locator {
    /// URL of the Redis to talk to, if anybody has to be asked.
    ///
    /// # Errors
    ///
    /// When nobody knows it at this moment.
    pub(crate) async fn locate(&mut self) -> Result<Option<SecretString>, QueueError> {
        match self {
            Self::Address => Ok(None),
            Self::Sentinels(sentinels) => sentinels.master().await.map(Some),
            Self::Cluster(cluster) => cluster.master().await.map(Some),
        }
    }
}
