"""Every operation of Systems Manager: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.service import Operation, unsupported
from emulator.services.ssm import labels, parameters

OPERATIONS: dict[str, Operation] = {
    "AddTagsToResource": labels.add_tags_to_resource,
    "DeleteParameter": parameters.delete_parameter,
    "DeleteParameters": parameters.delete_parameters,
    "DescribeParameters": parameters.describe_parameters,
    "GetParameter": parameters.get_parameter,
    "GetParameterHistory": parameters.get_parameter_history,
    "GetParameters": parameters.get_parameters,
    "GetParametersByPath": parameters.get_parameters_by_path,
    "LabelParameterVersion": labels.label_parameter_version,
    "ListTagsForResource": labels.list_tags_for_resource,
    "PutParameter": parameters.put_parameter,
    "RemoveTagsFromResource": labels.remove_tags_from_resource,
    "UnlabelParameterVersion": labels.unlabel_parameter_version,
}

UNSUPPORTED = unsupported(
    """
    AssociateOpsItemRelatedItem CancelCommand CancelMaintenanceWindowExecution CreateActivation
    CreateAssociation CreateAssociationBatch CreateCloudConnector CreateDocument
    CreateMaintenanceWindow CreateOpsItem CreateOpsMetadata CreatePatchBaseline
    CreateResourceDataSync DeleteActivation DeleteAssociation DeleteCloudConnector DeleteDocument
    DeleteInventory DeleteMaintenanceWindow DeleteOpsItem DeleteOpsMetadata DeletePatchBaseline
    DeleteResourceDataSync DeleteResourcePolicy DeregisterDefaultHostManagementConfiguration
    DeregisterManagedInstance DeregisterPatchBaselineForPatchGroup
    DeregisterTargetFromMaintenanceWindow DeregisterTaskFromMaintenanceWindow DescribeActivations
    DescribeAssociation DescribeAssociationExecutionTargets DescribeAssociationExecutions
    DescribeAutomationExecutions DescribeAutomationStepExecutions DescribeAvailablePatches
    DescribeDocument DescribeDocumentPermission DescribeEffectiveInstanceAssociations
    DescribeEffectivePatchesForPatchBaseline DescribeInstanceAssociationsStatus
    DescribeInstanceInformation DescribeInstancePatchStates
    DescribeInstancePatchStatesForPatchGroup DescribeInstancePatches DescribeInstanceProperties
    DescribeInventoryDeletions DescribeMaintenanceWindowExecutionTaskInvocations
    DescribeMaintenanceWindowExecutionTasks DescribeMaintenanceWindowExecutions
    DescribeMaintenanceWindowSchedule DescribeMaintenanceWindowTargets
    DescribeMaintenanceWindowTasks DescribeMaintenanceWindows DescribeMaintenanceWindowsForTarget
    DescribeOpsItems DescribePatchBaselines DescribePatchGroupState DescribePatchGroups
    DescribePatchProperties DescribeSessions DisassociateOpsItemRelatedItem GetAccessToken
    GetAutomationExecution GetCalendarState GetCloudConnector GetCommandInvocation
    GetConnectionStatus GetDefaultPatchBaseline GetDeployablePatchSnapshotForInstance GetDocument
    GetExecutionPreview GetInventory GetInventorySchema GetMaintenanceWindow
    GetMaintenanceWindowExecution GetMaintenanceWindowExecutionTask
    GetMaintenanceWindowExecutionTaskInvocation GetMaintenanceWindowTask GetOpsItem GetOpsMetadata
    GetOpsSummary GetPatchBaseline GetPatchBaselineForPatchGroup GetResourcePolicies
    GetServiceSetting ListAssociationVersions ListAssociations ListCloudConnectors
    ListCommandInvocations ListCommands ListComplianceItems ListComplianceSummaries
    ListDocumentMetadataHistory ListDocumentVersions ListDocuments ListInventoryEntries ListNodes
    ListNodesSummary ListOpsItemEvents ListOpsItemRelatedItems ListOpsMetadata
    ListResourceComplianceSummaries ListResourceDataSync ModifyDocumentPermission
    PutComplianceItems PutInventory PutResourcePolicy RegisterDefaultHostManagementConfiguration
    RegisterDefaultPatchBaseline RegisterPatchBaselineForPatchGroup
    RegisterTargetWithMaintenanceWindow RegisterTaskWithMaintenanceWindow ResetServiceSetting
    ResumeSession SendAutomationSignal SendCommand StartAccessRequest StartAssociationsOnce
    StartAutomationExecution StartChangeRequestExecution StartExecutionPreview StartSession
    StopAutomationExecution TerminateSession UpdateAssociation UpdateAssociationStatus
    UpdateCloudConnector UpdateDocument UpdateDocumentDefaultVersion UpdateDocumentMetadata
    UpdateMaintenanceWindow UpdateMaintenanceWindowTarget UpdateMaintenanceWindowTask
    UpdateManagedInstanceRole UpdateOpsItem UpdateOpsMetadata UpdatePatchBaseline
    UpdateResourceDataSync UpdateServiceSetting ValidateCloudConnector
    """,
    "localfaas does not serve {}: of Systems Manager it has Parameter Store.",
)
