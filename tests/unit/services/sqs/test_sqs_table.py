import botocore.session

from emulator.services.sqs.operations import OPERATIONS, UNSUPPORTED


def test_the_table_is_the_service_model() -> None:
    model = botocore.session.get_session().get_service_model("sqs")
    assert sorted([*OPERATIONS, *UNSUPPORTED]) == sorted(model.operation_names)
    assert list(OPERATIONS) == sorted(OPERATIONS)
    for name, operation in OPERATIONS.items():
        assert operation.__name__.replace("_", "") == name.lower()
