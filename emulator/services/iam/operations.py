"""Every operation of IAM: what serves it, or why nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.context import Context, Request, Response
from emulator.services.iam import account, granted, policies, principals, roles, users

_OWN: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "AddClientIDToOpenIDConnectProvider": account.add_client_id_to_open_id_connect_provider,
    "AddRoleToInstanceProfile": roles.add_role_to_instance_profile,
    "AddUserToGroup": users.add_user_to_group,
    "CreateAccessKey": users.create_access_key,
    "CreateAccountAlias": account.create_account_alias,
    "CreateGroup": users.create_group,
    "CreateInstanceProfile": roles.create_instance_profile,
    "CreateOpenIDConnectProvider": account.create_open_id_connect_provider,
    "CreatePolicy": policies.create_policy,
    "CreatePolicyVersion": policies.create_policy_version,
    "CreateRole": roles.create_role,
    "CreateServiceLinkedRole": roles.create_service_linked_role,
    "CreateUser": users.create_user,
    "DeleteAccessKey": users.delete_access_key,
    "DeleteAccountAlias": account.delete_account_alias,
    "DeleteGroup": users.delete_group,
    "DeleteInstanceProfile": roles.delete_instance_profile,
    "DeleteOpenIDConnectProvider": account.delete_open_id_connect_provider,
    "DeletePolicy": policies.delete_policy,
    "DeletePolicyVersion": policies.delete_policy_version,
    "DeleteRole": roles.delete_role,
    "DeleteServiceLinkedRole": roles.delete_service_linked_role,
    "DeleteUser": users.delete_user,
    "GetAccessKeyLastUsed": users.get_access_key_last_used,
    "GetAccountSummary": account.get_account_summary,
    "GetGroup": users.get_group,
    "GetInstanceProfile": roles.get_instance_profile,
    "GetOpenIDConnectProvider": account.get_open_id_connect_provider,
    "GetPolicy": policies.get_policy,
    "GetPolicyVersion": policies.get_policy_version,
    "GetRole": roles.get_role,
    "GetServiceLinkedRoleDeletionStatus": roles.get_service_linked_role_deletion_status,
    "GetUser": users.get_user,
    "ListAccessKeys": users.list_access_keys,
    "ListAccountAliases": account.list_account_aliases,
    "ListEntitiesForPolicy": policies.list_entities_for_policy,
    "ListGroups": users.list_groups,
    "ListGroupsForUser": users.list_groups_for_user,
    "ListInstanceProfiles": roles.list_instance_profiles,
    "ListInstanceProfilesForRole": roles.list_instance_profiles_for_role,
    "ListOpenIDConnectProviders": account.list_open_id_connect_providers,
    "ListPolicies": policies.list_policies,
    "ListPolicyTags": policies.list_policy_tags,
    "ListPolicyVersions": policies.list_policy_versions,
    "ListRoles": roles.list_roles,
    "ListUsers": users.list_users,
    "RemoveClientIDFromOpenIDConnectProvider": (
        account.remove_client_id_from_open_id_connect_provider
    ),
    "RemoveRoleFromInstanceProfile": roles.remove_role_from_instance_profile,
    "RemoveUserFromGroup": users.remove_user_from_group,
    "SetDefaultPolicyVersion": policies.set_default_policy_version,
    "TagPolicy": policies.tag_policy,
    "UntagPolicy": policies.untag_policy,
    "UpdateAccessKey": users.update_access_key,
    "UpdateAssumeRolePolicy": roles.update_assume_role_policy,
    "UpdateGroup": users.update_group,
    "UpdateOpenIDConnectProviderThumbprint": account.update_open_id_connect_provider_thumbprint,
    "UpdateRole": roles.update_role,
    "UpdateRoleDescription": roles.update_role_description,
    "UpdateUser": users.update_user,
    "GetContextKeysForCustomPolicy": granted.get_context_keys_for_custom_policy,
    "GetContextKeysForPrincipalPolicy": granted.get_context_keys_for_principal_policy,
    "SimulateCustomPolicy": granted.simulate_custom_policy,
    "SimulatePrincipalPolicy": granted.simulate_principal_policy,
}
OPERATIONS = dict(sorted({**_OWN, **principals.OPERATIONS}.items()))

#: Why operations are not served, and which.
_REASONS = {
    "nobody signs in to it": """
        ChangePassword CreateLoginProfile DeleteAccountPasswordPolicy DeleteLoginProfile
        GetAccountPasswordPolicy GetLoginProfile UpdateAccountPasswordPolicy UpdateLoginProfile
        CreateVirtualMFADevice DeactivateMFADevice DeleteVirtualMFADevice EnableMFADevice
        GetMFADevice ListMFADeviceTags ListMFADevices ListVirtualMFADevices ResyncMFADevice
        TagMFADevice UntagMFADevice""",
    "it keeps no certificates and no keys but access keys": """
        CreateServiceSpecificCredential DeleteSSHPublicKey DeleteServerCertificate
        DeleteServiceSpecificCredential DeleteSigningCertificate GetSSHPublicKey
        GetServerCertificate ListSSHPublicKeys ListServerCertificateTags ListServerCertificates
        ListServiceSpecificCredentials ListSigningCertificates ResetServiceSpecificCredential
        TagServerCertificate UntagServerCertificate UpdateSSHPublicKey UpdateServerCertificate
        UpdateServiceSpecificCredential UpdateSigningCertificate UploadSSHPublicKey
        UploadServerCertificate UploadSigningCertificate""",
    "it knows no providers of SAML": """
        CreateSAMLProvider DeleteSAMLProvider GetSAMLProvider ListSAMLProviderTags
        ListSAMLProviders TagSAMLProvider UntagSAMLProvider UpdateSAMLProvider""",
    "providers of OpenID Connect have no contexts": "UpdateOpenIDConnectProvider",
    "it keeps no records of who used what": "ListPoliciesGrantingServiceAccess",
    "it makes no reports": """
        GenerateCredentialReport GenerateOrganizationsAccessReport
        GenerateServiceLastAccessedDetails GetAccountAuthorizationDetails GetCredentialReport
        GetHumanReadableSummary GetOrganizationsAccessReport GetServiceLastAccessedDetails
        GetServiceLastAccessedDetailsWithEntities""",
    "it has no organisation": """
        DisableOrganizationsRootCredentialsManagement DisableOrganizationsRootSessions
        EnableOrganizationsRootCredentialsManagement EnableOrganizationsRootSessions
        ListOrganizationsFeatures""",
    "nothing is delegated": """
        AcceptDelegationRequest AcquireRole AssociateDelegationRequest CreateDelegationRequest
        GetDelegationRequest ListDelegationRequests RejectDelegationRequest SendDelegationToken
        UpdateDelegationRequest""",
    "accounts have no settings": """
        DisableOutboundWebIdentityFederation EnableOutboundWebIdentityFederation
        GetAccountProperties GetOutboundWebIdentityFederationInfo GetRoleTemplateVersion
        PutAccountProperties SetSecurityTokenServicePreferences""",
}
UNSUPPORTED: dict[str, str] = {
    name: f"localfaas does not serve {name}: {reason}."
    for reason, names in _REASONS.items()
    for name in names.split()
}
