// Batch Sync in Azure Container Apps: storage, Redis, a server, consumers that scale with what is to do.
//
// NOT TRIED: this file was written without an Azure subscription and without the Bicep compiler. Compile it
// (`az bicep build`), look at what would be made (`az deployment group what-if`), and try it on a resource group of its
// own before you rely on it. `make check-deploy` compares its settings, ports and limits with those of the programs, and
// nothing else. docs/azure.md explains it, step by step.
//
// It assigns roles to the identity of the programs: who deploys it needs the right to do so (see docs/azure.md).

targetScope = 'resourceGroup'

@description('Prefix of all names: 3 to 12 small letters and digits.')
@minLength(3)
@maxLength(12)
param name string = 'batchsync'

@description('Region of everything.')
param location string = resourceGroup().location

@description('Where you pushed the images of deploy/Dockerfile, without the name of the program and the tag: REGISTRY.azurecr.io/batch-sync.')
param images string

@description('Tag of both images.')
param tag string

@description('Name of the Azure Container Registry, in this resource group, from which the images come.')
param registry string

@description('My Domain of the org, https://DOMAIN.my.salesforce.com.')
param salesforceLoginUrl string

@description('Consumer key of the external client app.')
param salesforceClientId string

@description('Consumer secret of the external client app.')
@secure()
param salesforceClientSecret string

@description('Token of the API and the page: 16 characters or more.')
@secure()
@minLength(16)
param apiToken string

@description('Object that rows become. For several objects put a file of loads into an image of your own, see docs/azure.md.')
param salesforceObject string

@description('Field that identifies a record.')
param salesforceExternalId string

@description('Calls that all consumers of the org together make at the same time.')
@minValue(1)
param concurrencyMax int = 10

@description('Size of Azure Managed Redis. The queue needs 64 MiB and some more.')
param redisSku string = 'Balanced_B0'

var suffix = uniqueString(resourceGroup().id)
// Each consumer holds 12 MiB of rows at most: twelve full batches of 1 MiB. One more, so that one may be away.
var consumersMax = max(2, (concurrencyMax + 11) / 12)

// --- who the programs are -----------------------------------------------------------------------

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
}

var roles = {
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
}

// --- files --------------------------------------------------------------------------------------

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: take('${name}${suffix}', 24)
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    // The programs sign in as the identity above; nobody needs a key.
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource container 'containers' = {
      name: 'high-volume-ingest'
    }
  }
}

resource readsAndWritesFiles 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage::blobs::container.id, identity.id, roles.blobDataContributor)
  scope: storage::blobs::container
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

// --- queue --------------------------------------------------------------------------------------

resource redis 'Microsoft.Cache/redisEnterprise@2025-04-01' = {
  name: '${name}-redis-${suffix}'
  location: location
  sku: { name: redisSku }
  properties: {
    minimumTlsVersion: '1.2'
    highAvailability: 'Enabled'
  }

  resource database 'databases' = {
    name: 'default'
    properties: {
      clientProtocol: 'Encrypted'
      port: 10000
      // One endpoint: the autoscaler of Container Apps and the programs speak to it as to a single Redis.
      clusteringPolicy: 'EnterpriseCluster'
      // A queue must refuse new batches rather than lose old ones.
      evictionPolicy: 'NoEviction'
      accessKeysAuthentication: 'Enabled'
      persistence: { aofEnabled: true, aofFrequency: '1s' }
    }
  }
}

// --- secrets ------------------------------------------------------------------------------------

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: take('${name}-${suffix}', 24)
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
  }

  resource redisUrl 'secrets' = {
    name: 'redis-url'
    properties: {
      value: 'rediss://:${uriComponent(redis::database.listKeys().primaryKey)}@${redis.properties.hostName}:10000'
    }
  }

  resource redisPassword 'secrets' = {
    name: 'redis-password'
    properties: { value: redis::database.listKeys().primaryKey }
  }

  resource clientId 'secrets' = {
    name: 'salesforce-client-id'
    properties: { value: salesforceClientId }
  }

  resource clientSecret 'secrets' = {
    name: 'salesforce-client-secret'
    properties: { value: salesforceClientSecret }
  }

  resource token 'secrets' = {
    name: 'api-token'
    properties: { value: apiToken }
  }
}

resource readsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

// --- images -------------------------------------------------------------------------------------

resource imageRegistry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registry
}

resource pullsImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(imageRegistry.id, identity.id, roles.acrPull)
  scope: imageRegistry
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
  }
}

// --- programs -----------------------------------------------------------------------------------

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-environment'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

var serverName = '${name}-server'
var serverHost = '${serverName}.${environment.properties.defaultDomain}'

// What all programs have.
var settings = [
  { name: 'LOG_FORMAT', value: 'json' }
  { name: 'AZURE_STORAGE_ACCOUNT_URL', value: 'https://${storage.name}.blob.${az.environment().suffixes.storage}' }
  { name: 'AZURE_CONTAINER', value: 'high-volume-ingest' }
  { name: 'SALESFORCE_LOGIN_URL', value: salesforceLoginUrl }
  { name: 'SALESFORCE_OBJECT', value: salesforceObject }
  { name: 'SALESFORCE_EXTERNAL_ID', value: salesforceExternalId }
  { name: 'SALESFORCE_CONCURRENCY_MAX', value: string(concurrencyMax) }
  // Which of the identities of a container app the Azure SDK takes.
  { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
  { name: 'METRICS_LISTEN', value: '0.0.0.0:9090' }
  { name: 'REDIS_URL', secretRef: 'redis-url' }
  { name: 'SALESFORCE_CLIENT_ID', secretRef: 'salesforce-client-id' }
  { name: 'SALESFORCE_CLIENT_SECRET', secretRef: 'salesforce-client-secret' }
]

var probes = [
  {
    type: 'Liveness'
    httpGet: { path: '/livez', port: 9090 }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  }
  {
    type: 'Readiness'
    httpGet: { path: '/readyz', port: 9090 }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  }
]

resource server 'Microsoft.App/containerApps@2024-03-01' = {
  name: serverName
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      // The page and the API, by TLS. METRICS_LISTEN is set, so /metrics is on port 9090 only, without a token: nobody
      // outside reaches that port, and this one answers 404.
      ingress: { external: true, targetPort: 3001, transport: 'http', allowInsecure: false }
      registries: [{ server: imageRegistry.properties.loginServer, identity: identity.id }]
      secrets: [
        { name: 'redis-url', keyVaultUrl: vault::redisUrl.properties.secretUri, identity: identity.id }
        { name: 'salesforce-client-id', keyVaultUrl: vault::clientId.properties.secretUri, identity: identity.id }
        { name: 'salesforce-client-secret', keyVaultUrl: vault::clientSecret.properties.secretUri, identity: identity.id }
        { name: 'api-token', keyVaultUrl: vault::token.properties.secretUri, identity: identity.id }
      ]
    }
    template: {
      terminationGracePeriodSeconds: 30
      containers: [
        {
          name: 'server'
          image: '${images}/producer:${tag}'
          args: ['serve']
          env: concat(settings, [
            { name: 'HTTP_LISTEN', value: '0.0.0.0:3001' }
            { name: 'HTTP_ALLOWED_HOSTS', value: serverHost }
            { name: 'API_TOKEN', secretRef: 'api-token' }
          ])
          probes: probes
          resources: { cpu: json('0.25'), memory: '0.5Gi' }
        }
      ]
      // One at least: it reads files, writes rejects, and notices when the hold of a run ends.
      scale: { minReplicas: 1, maxReplicas: 1 }
    }
  }
  dependsOn: [readsAndWritesFiles, readsSecrets, pullsImages]
}

resource consumer 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-consumer'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      registries: [{ server: imageRegistry.properties.loginServer, identity: identity.id }]
      secrets: [
        { name: 'redis-url', keyVaultUrl: vault::redisUrl.properties.secretUri, identity: identity.id }
        { name: 'redis-password', keyVaultUrl: vault::redisPassword.properties.secretUri, identity: identity.id }
        { name: 'salesforce-client-id', keyVaultUrl: vault::clientId.properties.secretUri, identity: identity.id }
        { name: 'salesforce-client-secret', keyVaultUrl: vault::clientSecret.properties.secretUri, identity: identity.id }
      ]
    }
    template: {
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'consumer'
          image: '${images}/consumer:${tag}'
          env: settings
          probes: probes
          resources: { cpu: json('0.25'), memory: '0.5Gi' }
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: consumersMax
        rules: [
          {
            // The length of this list is the number of unfinished batches that may be delivered.
            name: 'batches-to-do'
            custom: {
              type: 'redis'
              metadata: {
                address: '${redis.properties.hostName}:10000'
                listName: '{batch-sync}:to-do'
                listLength: '100'
                enableTLS: 'true'
              }
              auth: [{ secretRef: 'redis-password', triggerParameter: 'password' }]
            }
          }
        ]
      }
    }
  }
  dependsOn: [readsSecrets, pullsImages]
}

output page string = 'https://${serverHost}/batch-sync'
output storageAccount string = storage.name
