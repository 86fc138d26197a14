"""Every operation of SNS: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.service import Operation, unsupported
from emulator.services.sns import platforms, publishing, subscriptions, texts, topics

OPERATIONS: dict[str, Operation] = {
    "AddPermission": topics.add_permission,
    "CheckIfPhoneNumberIsOptedOut": texts.check_if_phone_number_is_opted_out,
    "ConfirmSubscription": subscriptions.confirm_subscription,
    "CreatePlatformApplication": platforms.create_platform_application,
    "CreatePlatformEndpoint": platforms.create_platform_endpoint,
    "CreateTopic": topics.create_topic,
    "DeleteEndpoint": platforms.delete_endpoint,
    "DeletePlatformApplication": platforms.delete_platform_application,
    "DeleteTopic": topics.delete_topic,
    "GetDataProtectionPolicy": topics.get_data_protection_policy,
    "GetEndpointAttributes": platforms.get_endpoint_attributes,
    "GetPlatformApplicationAttributes": platforms.get_platform_application_attributes,
    "GetSMSAttributes": texts.get_sms_attributes,
    "GetSubscriptionAttributes": subscriptions.get_subscription_attributes,
    "GetTopicAttributes": topics.get_topic_attributes,
    "ListEndpointsByPlatformApplication": platforms.list_endpoints_by_platform_application,
    "ListPhoneNumbersOptedOut": texts.list_phone_numbers_opted_out,
    "ListPlatformApplications": platforms.list_platform_applications,
    "ListSubscriptions": subscriptions.list_subscriptions,
    "ListSubscriptionsByTopic": subscriptions.list_subscriptions_by_topic,
    "ListTagsForResource": topics.list_tags_for_resource,
    "ListTopics": topics.list_topics,
    "OptInPhoneNumber": texts.opt_in_phone_number,
    "Publish": publishing.publish,
    "PublishBatch": publishing.publish_batch,
    "PutDataProtectionPolicy": topics.put_data_protection_policy,
    "RemovePermission": topics.remove_permission,
    "SetEndpointAttributes": platforms.set_endpoint_attributes,
    "SetPlatformApplicationAttributes": platforms.set_platform_application_attributes,
    "SetSMSAttributes": texts.set_sms_attributes,
    "SetSubscriptionAttributes": subscriptions.set_subscription_attributes,
    "SetTopicAttributes": topics.set_topic_attributes,
    "Subscribe": subscriptions.subscribe,
    "TagResource": topics.tag_resource,
    "Unsubscribe": subscriptions.unsubscribe,
    "UntagResource": topics.untag_resource,
}

UNSUPPORTED = unsupported(
    """
    CreateSMSSandboxPhoneNumber DeleteSMSSandboxPhoneNumber GetSMSSandboxAccountStatus
    ListOriginationNumbers ListSMSSandboxPhoneNumbers VerifySMSSandboxPhoneNumber
    """,
    "localfaas does not serve {}: it sends nothing to phones.",
)
