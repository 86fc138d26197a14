"""DynamoDB through boto3: tables, items, expressions, indexes, batches, transactions, PartiQL."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from tests.api.conftest import Running

_numbers = itertools.count()


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[Any]:
    client = running.client("dynamodb")
    yield client
    client.close()


def create(client: Any, *keys: str, **more: Any) -> str:
    """Make a table; keys are given as "name:type"."""
    name = f"table-{next(_numbers):04}"
    defined = [each.split(":") for each in (keys or ("id:S",))]
    kinds = ("HASH", "RANGE")
    request = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in defined],
        "KeySchema": [
            {"AttributeName": n, "KeyType": kinds[at]} for at, (n, _) in enumerate(defined[:2])
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    client.create_table(**{**request, **more})
    return name


def index(name: str, *keys: str, projection: Any = None) -> dict[str, Any]:
    kinds = ("HASH", "RANGE")
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": k, "KeyType": kinds[i]} for i, k in enumerate(keys)],
        "Projection": projection or {"ProjectionType": "ALL"},
    }


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def resource(running: Running) -> Any:
    return boto3.resource(
        "dynamodb",
        endpoint_url=running.url,
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="test",
    )


def test_a_table_lives_from_its_creation_to_its_end(client: Any) -> None:
    name = create(client, Tags=[{"Key": "a", "Value": "b"}], TableClass="STANDARD")
    shown = client.describe_table(TableName=name)["Table"]
    assert shown["TableStatus"] == "ACTIVE"
    assert shown["TableClassSummary"] == {"TableClass": "STANDARD"}
    arn = shown["TableArn"]
    assert arn == f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}"
    assert client.describe_table(TableName=arn)["Table"]["TableName"] == name
    assert name in client.list_tables()["TableNames"]
    again = {
        "AttributeDefinitions": shown["AttributeDefinitions"],
        "KeySchema": shown["KeySchema"],
        "BillingMode": "PAY_PER_REQUEST",
    }
    assert refused(client.create_table, TableName=name, **again) == (
        "ResourceInUseException",
        f"Table already exists: {name}",
    )
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    assert refused(client.delete_table, TableName=name)[0] == "ValidationException"
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert client.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    assert refused(client.describe_table, TableName=name) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Table: {name} not found",
    )
    assert refused(client.get_item, TableName=name, Key={"id": {"S": "1"}}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    assert client.describe_limits()["AccountMaxReadCapacityUnits"] == 80000
    assert client.describe_endpoints()["Endpoints"][0]["CachePeriodInMinutes"] == 1440


def test_tables_of_accounts_and_regions_do_not_meet(running: Running, client: Any) -> None:
    name = create(client)
    client.put_item(TableName=name, Item={"id": {"S": "1"}})
    for other in (
        running.client("dynamodb", account="111122223333"),
        running.client("dynamodb", region="eu-west-1"),
    ):
        assert name not in other.list_tables()["TableNames"]
        assert refused(other.scan, TableName=name)[0] == "ResourceNotFoundException"
        other.close()


def test_values_of_every_type_come_back(client: Any) -> None:
    name = create(client, "id:N")
    item = {
        "id": {"N": "1.50"},
        "s": {"S": "ü"},
        "n": {"N": "1e2"},
        "b": {"B": b"\x00\xff"},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2.0"]},
        "bs": {"BS": [b"a", b"b"]},
        "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}, {"B": b"x"}]}}},
    }
    client.put_item(TableName=name, Item=item)
    found = client.get_item(TableName=name, Key={"id": {"N": "1.5"}})["Item"]
    numbers = {"id": {"N": "1.5"}, "n": {"N": "100"}, "ns": {"NS": ["1", "2"]}}
    assert found == {**item, **numbers}
    cost = client.get_item(
        TableName=name, Key={"id": {"N": "1.5"}}, ReturnConsumedCapacity="TOTAL"
    )["ConsumedCapacity"]
    assert cost == {"TableName": name, "CapacityUnits": 0.5}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported"),
        ({"S": "a", "N": "1"}, "Supplied AttributeValue has more than one datatypes set, must"),
        ({"N": "x"}, "The parameter cannot be converted to a numeric value: x"),
        ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
        ({"N": "1e126"}, "Number overflow. Attempting to store a number with magnitude larger"),
        ({"N": "1e-131"}, "Number underflow. Attempting to store a number with magnitude smaller"),
        ({"SS": []}, "One or more parameter values were invalid: An string set  may not be empty"),
        ({"SS": ["a", "a"]}, "One or more parameter values were invalid: Input collection [a, a]"),
        ({"NULL": False}, "One or more parameter values were invalid: Null attribute value types"),
        ({"S": "x" * 410_000}, "Item size has exceeded the maximum allowed size"),
    ],
)
def test_what_is_no_value_is_refused(client: Any, value: Any, message: str) -> None:
    name = create(client)
    code, text = refused(client.put_item, TableName=name, Item={"id": {"S": "1"}, "value": value})
    assert (code, text[: len(message)]) == ("ValidationException", message)


def test_what_is_no_key_is_refused(client: Any) -> None:
    name = create(client, "id:S", "seq:N")
    for item, message in (
        ({"id": {"S": "1"}}, "One or more parameter values were invalid: Missing the key seq in"),
        (
            {"id": {"N": "1"}, "seq": {"N": "1"}},
            "One or more parameter values were invalid: Type mismatch for key id expected: S "
            "actual: N",
        ),
        (
            {"id": {"S": ""}, "seq": {"N": "1"}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty string value. Key: id",
        ),
    ):
        code, text = refused(client.put_item, TableName=name, Item=item)
        assert (code, text[: len(message)]) == ("ValidationException", message)
    for key in ({"id": {"S": "1"}}, {"id": {"S": "1"}, "seq": {"S": "1"}}):
        assert refused(client.get_item, TableName=name, Key=key) == (
            "ValidationException",
            "The provided key element does not match the schema",
        )


def test_updates_change_what_they_name(client: Any) -> None:
    name = create(client)
    key = {"id": {"S": "1"}}

    def update(expression: str, returned: str = "ALL_NEW", **values: Any) -> Any:
        given = {f":{name}": value for name, value in values.items()}
        more = {"ExpressionAttributeValues": given} if given else {}
        return client.update_item(
            TableName=name, Key=key, UpdateExpression=expression, ReturnValues=returned, **more
        ).get("Attributes")

    update("SET a = :a, l = :l, m = :m", a={"N": "1"}, l={"L": []}, m={"M": {}})
    update("SET a = a + :o, m.x = if_not_exists(m.x, :o) ADD s :s", o={"N": "2"}, s={"SS": ["x"]})
    update("SET l = list_append(l, :l)", l={"L": [{"N": "1"}]})
    update("SET l[9] = :v", v={"N": "2"})
    found = update("ADD s :s, c :c", s={"SS": ["y", "x"]}, c={"N": "5"})
    assert found == {
        **key,
        "a": {"N": "3"},
        "l": {"L": [{"N": "1"}, {"N": "2"}]},
        "m": {"M": {"x": {"N": "2"}}},
        "s": {"SS": ["x", "y"]},
        "c": {"N": "5"},
    }
    assert update("REMOVE l[0]", "UPDATED_OLD") == {"l": {"L": [{"N": "1"}]}}
    assert update("DELETE s :s", "UPDATED_NEW", s={"SS": ["x", "y"]}) is None
    assert update("SET m.x = :v", "UPDATED_NEW", v={"N": "7"}) == {"m": {"M": {"x": {"N": "7"}}}}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "SET id = :v",
            "One or more parameter values were invalid: Cannot update attribute id. "
            "This attribute is part of the key",
        ),
        (
            "SET a.b = :v",
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "SET a = a + :v",
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "SET name = :v",
            "Invalid UpdateExpression: Attribute name is a reserved keyword; "
            "reserved keyword: name",
        ),
        (
            "SET a = :v, a.b = :v",
            "Invalid UpdateExpression: Two document paths overlap with each "
            "other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
        (
            "SET a = :w",
            "Invalid UpdateExpression: An expression attribute value used in "
            "expression is not defined; attribute value: :w",
        ),
        (
            "SET #a = :v",
            "Invalid UpdateExpression: An expression attribute name used in the "
            "document path is not defined; attribute name: #a",
        ),
        (
            "SET a = :v SET b = :v",
            'Invalid UpdateExpression: The "SET" section can only be used '
            "once in an update expression;",
        ),
        ("SET a :v", 'Invalid UpdateExpression: Syntax error; token: ":v", near: "a :v"'),
        (
            "REMOVE a",
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
        ),
        ("SET a = foo(:v)", "Invalid UpdateExpression: Invalid function name; function: foo"),
        ("", "Invalid UpdateExpression: The expression can not be empty;"),
    ],
)
def test_what_is_no_update_is_refused(client: Any, expression: str, message: str) -> None:
    name = create(client)
    found = refused(
        client.update_item,
        TableName=name,
        Key={"id": {"S": "1"}},
        UpdateExpression=expression,
        ExpressionAttributeValues={":v": {"N": "1"}},
    )
    assert found == ("ValidationException", message)


def test_conditions_decide_about_writes(client: Any) -> None:
    name = create(client)
    item = {"id": {"S": "1"}, "n": {"N": "5"}, "l": {"L": [{"S": "x"}]}}
    client.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(id)")

    def holds(condition: str, **values: Any) -> bool:
        given = {f":{name}": value for name, value in values.items()}
        more = {"ExpressionAttributeValues": given} if given else {}
        request = {"TableName": name, "Item": item, "ConditionExpression": condition, **more}
        try:
            client.put_item(**request)
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    assert not holds("attribute_not_exists(id)")
    assert holds(
        "n BETWEEN :a AND :b AND contains(l, :x)", a={"N": "5"}, b={"N": "6"}, x={"S": "x"}
    )
    assert holds("n IN (:a, :b) OR n < :a", a={"N": "1"}, b={"N": "5.0"})
    assert not holds("NOT (size(l) = :o AND attribute_type(n, :t))", o={"N": "1"}, t={"S": "N"})
    assert holds("absent <> :a AND begins_with(id, :p)", a={"N": "1"}, p={"S": ""})
    with pytest.raises(ClientError) as caught:
        client.delete_item(
            TableName=name,
            Key={"id": {"S": "1"}},
            ConditionExpression="n > :n",
            ExpressionAttributeValues={":n": {"N": "9"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"] == item
    deleted = client.delete_item(TableName=name, Key={"id": {"S": "1"}}, ReturnValues="ALL_OLD")
    assert deleted["Attributes"] == item


def test_the_parameters_that_came_before_expressions_still_work(client: Any) -> None:
    name = create(client)
    key = {"id": {"S": "1"}}
    updates = {"n": {"Action": "ADD", "Value": {"N": "2"}}, "s": {"Value": {"S": "x"}}}
    client.update_item(TableName=name, Key=key, AttributeUpdates=updates)
    found = client.get_item(TableName=name, Key=key, AttributesToGet=["n"])
    assert found["Item"] == {"n": {"N": "2"}}
    expected = {"n": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "2"}]}}
    code, _ = refused(client.put_item, TableName=name, Item=key, Expected=expected)
    assert code == "ConditionalCheckFailedException"
    condition = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "1"}]}
    assert client.query(TableName=name, KeyConditions={"id": condition})["Count"] == 1
    scan_filter = {"s": {"ComparisonOperator": "NOT_NULL"}}
    assert client.scan(TableName=name, ScanFilter=scan_filter)["Count"] == 1


def test_queries_read_in_order_and_page_by_page(running: Running, client: Any) -> None:
    table = resource(running).Table(create(client, "id:S", "seq:N"))
    numbers = [-10, -1.5, 0, 0.25, 3, 20, 100]
    with table.batch_writer() as batch:
        for number in reversed(numbers):
            batch.put_item(Item={"id": "a", "seq": Decimal(str(number)), "odd": number == 3})
        batch.put_item(Item={"id": "b", "seq": 1})

    def read(condition: Any, **more: Any) -> list[float]:
        found: list[Any] = []
        while True:
            page = table.query(KeyConditionExpression=condition, **more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return [float(item["seq"]) for item in found]
            more["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    whole = Key("id").eq("a")
    assert read(whole) == numbers
    assert read(whole, Limit=2) == numbers
    assert read(whole, Limit=3, ScanIndexForward=False) == numbers[::-1]
    assert read(whole & Key("seq").between(Decimal("-1.5"), 3)) == [-1.5, 0, 0.25, 3]
    assert read(whole & Key("seq").lt(0)) == [-10, -1.5]
    assert read(whole, FilterExpression=Attr("odd").eq(True)) == [3]
    assert table.query(KeyConditionExpression=whole, Select="COUNT")["Count"] == 7
    for segment in range(3):
        page = table.scan(Segment=segment, TotalSegments=3)
        assert page["Count"] == len(page["Items"])
    parts = [table.scan(Segment=each, TotalSegments=3)["Count"] for each in range(3)]
    assert sum(parts) == 8
    table.meta.client.close()


def test_what_is_no_query_is_refused(client: Any) -> None:
    name = create(client, "id:S", "seq:N")
    values = {":i": {"S": "1"}, ":n": {"N": "1"}}
    for condition, given, message in (
        ("seq = :n", {":n"}, "Query condition missed key schema element: id"),
        (
            "id = :n",
            {":n"},
            "One or more parameter values were invalid: Condition parameter type "
            "does not match schema type",
        ),
        ("id > :i", {":i"}, "Query key condition not supported"),
        (
            "id = :i OR seq = :n",
            {":i", ":n"},
            "Invalid operator used in KeyConditionExpression: OR",
        ),
    ):
        found = refused(
            client.query,
            TableName=name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={k: values[k] for k in given},
        )
        assert found == ("ValidationException", message)
    assert refused(client.query, TableName=name) == (
        "ValidationException",
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
        "request.",
    )
    found = refused(
        client.query,
        TableName=name,
        IndexName="none",
        KeyConditionExpression="id = :i",
        ExpressionAttributeValues={":i": {"S": "1"}},
    )
    assert found == ("ValidationException", "The table does not have the specified index: none")


def test_indexes_follow_their_table(running: Running, client: Any) -> None:
    name = create(
        client,
        "id:S",
        "seq:N",
        "kind:S",
        LocalSecondaryIndexes=[index("local", "id", "kind")],
        GlobalSecondaryIndexes=[
            index("by-kind", "kind", "seq", projection={"ProjectionType": "KEYS_ONLY"})
        ],
    )
    table = resource(running).Table(name)
    for number in range(6):
        item = {"id": "a", "seq": number, "more": "x"}
        table.put_item(
            Item=item if number == 5 else {**item, "kind": "even" if number % 2 == 0 else "odd"}
        )
    even = table.query(IndexName="by-kind", KeyConditionExpression=Key("kind").eq("even"))
    assert even["Items"] == [{"id": "a", "seq": n, "kind": "even"} for n in (0, 2, 4)]
    local = table.query(
        IndexName="local", KeyConditionExpression=Key("id").eq("a") & Key("kind").begins_with("o")
    )
    assert [item["seq"] for item in local["Items"]] == [1, 3]
    table.update_item(
        Key={"id": "a", "seq": 2},
        UpdateExpression="SET kind = :k",
        ExpressionAttributeValues={":k": "odd"},
    )
    table.delete_item(Key={"id": "a", "seq": 0})
    assert table.scan(IndexName="by-kind")["Count"] == 4
    page = table.query(IndexName="by-kind", KeyConditionExpression=Key("kind").eq("odd"), Limit=2)
    rest = table.query(
        IndexName="by-kind",
        KeyConditionExpression=Key("kind").eq("odd"),
        ExclusiveStartKey=page["LastEvaluatedKey"],
    )
    assert [item["seq"] for item in page["Items"] + rest["Items"]] == [1, 2, 3]
    wrong = {"id": {"S": "a"}, "seq": {"N": "9"}, "kind": {"N": "1"}}
    assert refused(client.put_item, TableName=name, Item=wrong)[1].startswith(
        "One or more parameter values were invalid: Type mismatch for Index Key kind Expected: S "
        "Actual: N IndexName:"
    )
    table.meta.client.close()


def test_an_index_that_is_added_later_has_the_items_that_are_there(client: Any) -> None:
    name = create(client)
    for number in range(3):
        client.put_item(TableName=name, Item={"id": {"S": str(number)}, "k": {"S": "x"}})
    new = index("later", "k")
    answer = client.update_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": new}],
    )["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    found = client.query(
        TableName=name,
        IndexName="later",
        KeyConditionExpression="k = :k",
        ExpressionAttributeValues={":k": {"S": "x"}},
    )
    assert found["Count"] == 3
    gone = [{"Delete": {"IndexName": "later"}}]
    client.update_table(TableName=name, GlobalSecondaryIndexUpdates=gone)
    assert "GlobalSecondaryIndexes" not in client.describe_table(TableName=name)["Table"]


def test_batches_read_and_write_each_item_on_its_own(client: Any) -> None:
    name = create(client)
    puts = [{"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(25)]
    answer = client.batch_write_item(RequestItems={name: puts})
    assert answer["UnprocessedItems"] == {}
    keys = [{"id": {"S": str(n)}} for n in range(30)]
    found = client.batch_get_item(RequestItems={name: {"Keys": keys}})
    assert len(found["Responses"][name]) == 25
    assert found["UnprocessedKeys"] == {}
    twice = {name: [puts[0], puts[0]]}
    assert refused(client.batch_write_item, RequestItems=twice) == (
        "ValidationException",
        "Provided list of item keys contains duplicates",
    )
    code, _ = refused(client.batch_write_item, RequestItems={name: [*puts, puts[0]]})
    assert code == "ValidationException"


def test_a_transaction_is_done_whole_or_not_at_all(client: Any) -> None:
    name = create(client)
    key = {"id": {"S": "1"}}
    put = {"Put": {"TableName": name, "Item": {"id": {"S": "2"}}}}
    check = {
        "ConditionCheck": {
            "TableName": name,
            "Key": key,
            "ConditionExpression": "attribute_exists(id)",
        }
    }
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=[check, put])
    response = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[ConditionalCheckFailed, None]"
    )
    assert response["CancellationReasons"] == [
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
        {"Code": "None"},
    ]
    assert client.scan(TableName=name)["Count"] == 0
    add = {
        "Update": {
            "TableName": name,
            "Key": key,
            "UpdateExpression": "ADD n :o",
            "ExpressionAttributeValues": {":o": {"N": "1"}},
        }
    }
    for _ in range(2):
        # The same token: done once.
        client.transact_write_items(TransactItems=[add, put], ClientRequestToken="token-1")
    gets = [{"Get": {"TableName": name, "Key": {"id": {"S": each}}}} for each in ("1", "2", "3")]
    found = client.transact_get_items(TransactItems=gets)["Responses"]
    assert found == [{"Item": {**key, "n": {"N": "1"}}}, {"Item": {"id": {"S": "2"}}}, {}]
    code, _ = refused(
        client.transact_write_items, TransactItems=[put], ClientRequestToken="token-1"
    )
    assert code == "IdempotentParameterMismatchException"
    assert refused(client.transact_write_items, TransactItems=[put, put])[1] == (
        "Transaction request cannot include multiple operations on one item"
    )


def test_a_transaction_that_is_sent_again_at_once_is_done_once(client: Any) -> None:
    name = create(client)
    key = {"id": {"S": "1"}}
    add = {
        "Update": {
            "TableName": name,
            "Key": key,
            "UpdateExpression": "ADD n :o",
            "ExpressionAttributeValues": {":o": {"N": "1"}},
        }
    }

    def send(_: int) -> None:
        client.transact_write_items(TransactItems=[add], ClientRequestToken="token-at-once")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(16)))
    assert client.get_item(TableName=name, Key=key)["Item"] == {**key, "n": {"N": "1"}}


def test_statements_of_partiql(client: Any) -> None:
    name = create(client, "id:S", "seq:N")

    def run(text: str, *parameters: Any) -> Any:
        more = {"Parameters": list(parameters)} if parameters else {}
        return client.execute_statement(Statement=text.format(f'"{name}"'), **more)["Items"]

    for number in range(4):
        run(
            "INSERT INTO {} VALUE {{'id': 'a', 'seq': ?, 'm': {{'x': [1, 'y']}}}}",
            {"N": str(number)},
        )
    with pytest.raises(ClientError) as caught:
        run("INSERT INTO {} VALUE {{'id': 'a', 'seq': 0}}")
    assert caught.value.response["Error"] == {
        "Code": "DuplicateItemException",
        "Message": "Duplicate primary key exists in table",
    }
    assert [item["seq"] for item in run("SELECT seq FROM {} WHERE id = 'a' AND seq >= 2")] == [
        {"N": "2"},
        {"N": "3"},
    ]
    assert run("SELECT m.x[1] FROM {} WHERE id = 'a' AND seq = 1") == [{"x": {"S": "y"}}]
    updated = run(
        "UPDATE {} SET n = ? REMOVE m WHERE id = 'a' AND seq = 1 RETURNING ALL NEW *", {"N": "5"}
    )
    assert updated == [{"id": {"S": "a"}, "seq": {"N": "1"}, "n": {"N": "5"}}]
    assert len(run("SELECT * FROM {} WHERE m IS MISSING")) == 1
    run("DELETE FROM {} WHERE id = 'a' AND seq = 3")
    assert len(run("SELECT * FROM {} WHERE seq IN [1, 2, 3] OR contains(id, 'z')")) == 2
    pages = client.execute_statement(Statement=f'SELECT * FROM "{name}"', Limit=2)
    rest = client.execute_statement(
        Statement=f'SELECT * FROM "{name}"', NextToken=pages["NextToken"]
    )
    assert len(pages["Items"] + rest["Items"]) == 3
    batch = client.batch_execute_statement(
        Statements=[
            {"Statement": f"SELECT * FROM \"{name}\" WHERE id = 'a' AND seq = 0"},
            {"Statement": f"SELECT * FROM \"{name}\" WHERE id = 'a' AND seq = 9"},
            {"Statement": "SELECT * FROM \"no-such-table\" WHERE id = 'a'"},
        ]
    )["Responses"]
    assert batch[0]["Item"]["seq"] == {"N": "0"}
    assert batch[1] == {"TableName": name}
    assert batch[2]["Error"]["Code"] == "ResourceNotFound"
    both = [
        {"Statement": f"UPDATE \"{name}\" SET n = 1 WHERE id = 'a' AND seq = 0"},
        {"Statement": f"DELETE FROM \"{name}\" WHERE id = 'a' AND seq = 2"},
    ]
    assert client.execute_transaction(TransactStatements=both)["Responses"] == []
    assert client.scan(TableName=name)["Count"] == 2


def test_backups_are_copies(client: Any) -> None:
    name = create(client)
    client.put_item(TableName=name, Item={"id": {"S": "1"}})
    arn = client.create_backup(TableName=name, BackupName="first")["BackupDetails"]["BackupArn"]
    client.put_item(TableName=name, Item={"id": {"S": "2"}})
    assert client.list_backups(TableName=name)["BackupSummaries"][0]["BackupName"] == "first"
    described = client.describe_backup(BackupArn=arn)["BackupDescription"]
    assert described["SourceTableDetails"]["ItemCount"] == 1
    client.restore_table_from_backup(TargetTableName=f"{name}-old", BackupArn=arn)
    assert client.scan(TableName=f"{name}-old")["Count"] == 1
    client.delete_backup(BackupArn=arn)
    assert refused(client.describe_backup, BackupArn=arn)[0] == "BackupNotFoundException"
    restore = {"SourceTableName": name, "TargetTableName": f"{name}-new"}
    code, _ = refused(
        client.restore_table_to_point_in_time, **restore, UseLatestRestorableTime=True
    )
    assert code == "PointInTimeRecoveryUnavailableException"
    wanted = {"PointInTimeRecoveryEnabled": True}
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted)
    described = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 35
    client.restore_table_to_point_in_time(**restore, UseLatestRestorableTime=True)
    assert client.scan(TableName=f"{name}-new")["Count"] == 2


def test_what_belongs_to_a_table_is_kept(client: Any) -> None:
    name = create(client)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    wanted = {"Enabled": True, "AttributeName": "expires"}
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }
    assert refused(client.update_time_to_live, TableName=name, TimeToLiveSpecification=wanted) == (
        "ValidationException",
        "TimeToLive is already enabled",
    )
    assert refused(client.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    for text in ("{}", "x"):
        said = refused(client.put_resource_policy, ResourceArn=arn, Policy=text)
        assert said == ("ValidationException", "Invalid policy document")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    client.put_resource_policy(ResourceArn=arn, Policy=policy)
    assert client.get_resource_policy(ResourceArn=arn)["Policy"] == policy
    client.delete_resource_policy(ResourceArn=arn)
    client.update_contributor_insights(TableName=name, ContributorInsightsAction="ENABLE")
    shown = client.describe_contributor_insights(TableName=name)
    assert shown["ContributorInsightsStatus"] == "ENABLED"
    assert (
        len(client.list_contributor_insights(TableName=name)["ContributorInsightsSummaries"]) == 1
    )


def test_a_table_tells_a_stream_that_is_there(client: Any, running: Running) -> None:
    name, kinesis = create(client), running.client("kinesis")
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    kinesis.close()
    stream = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
    enable = client.enable_kinesis_streaming_destination
    cut_off = "arn:aws:kinesis:" + "-" * 30
    for other in (f"{stream}-of-nobody", cut_off, "arn:aws:sns:us-east-1:000000000000:stream/x"):
        assert refused(enable, TableName=name, StreamArn=other) == (
            "ValidationException",
            "User does not have a permission to use kinesis stream",
        )
    enable(TableName=name, StreamArn=stream)
    precision = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    client.update_kinesis_streaming_destination(
        TableName=name, StreamArn=stream, UpdateKinesisStreamingConfiguration=precision
    )
    shown = client.describe_kinesis_streaming_destination(TableName=name)
    assert shown["KinesisDataStreamDestinations"][0]["DestinationStatus"] == "ACTIVE"
    client.disable_kinesis_streaming_destination(TableName=name, StreamArn=stream)


def test_changes_of_a_table_at_once_all_stay(client: Any) -> None:
    name = create(client)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]

    def tag(number: int) -> None:
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": f"k{number}", "Value": "v"}])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(24)))
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert {each["Key"] for each in tags} == {f"k{number}" for number in range(24)}


def test_an_arn_that_is_cut_off_is_no_name(client: Any) -> None:
    for call, request in (
        (client.describe_table, {"TableName": "arn:aws"}),
        (client.get_item, {"TableName": "arn:aws:dynamodb", "Key": {"id": {"S": "1"}}}),
        (client.tag_resource, {"ResourceArn": "arn:x", "Tags": []}),
    ):
        assert refused(call, **request)[0] == "ValidationException"


def test_what_is_nested_too_deeply_is_refused(client: Any) -> None:
    name = create(client)
    key = {"id": {"S": "1"}}
    deep = "(" * 1900 + "{}" + ")" * 1900
    for request in (
        {"ConditionExpression": deep.format("attribute_exists(id)")},
        {"UpdateExpression": f"SET n = {deep.format('m')}"},
    ):
        found = refused(client.update_item, TableName=name, Key=key, **request)
        assert found[0] == "ValidationException"
        assert "nested too deeply" in found[1]
    statement = f'SELECT * FROM "{name}" WHERE ' + deep.format("id = '1'")
    assert "nested too deeply" in refused(client.execute_statement, Statement=statement)[1]


def test_replicas_are_the_same_table_in_other_regions(running: Running, client: Any) -> None:
    name = create(client)
    updates = [{"Create": {"RegionName": "eu-west-1"}}]
    client.update_table(TableName=name, ReplicaUpdates=updates)
    other = running.client("dynamodb", region="eu-west-1")
    client.put_item(TableName=name, Item={"id": {"S": "1"}})
    assert other.get_item(TableName=name, Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    shown = other.describe_table(TableName=name)["Table"]
    assert shown["Replicas"] == [{"RegionName": "us-east-1", "ReplicaStatus": "ACTIVE"}]
    assert ":eu-west-1:" in shown["TableArn"]
    client.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": "eu-west-1"}}])
    assert refused(other.describe_table, TableName=name)[0] == "ResourceNotFoundException"
    other.close()


def test_a_query_begins_within_what_it_asks_for(client: Any) -> None:
    table = create(client, "id:S", "at:N")
    query = partial(client.query, TableName=table, Select="COUNT")
    values: dict[str, Any] = {":id": {"S": "a"}, ":at": {"N": "5"}}
    after = {"KeyConditionExpression": "id = :id AND #at > :at"}
    more: dict[str, Any] = {
        "ExpressionAttributeNames": {"#at": "at"},
        "ExpressionAttributeValues": values,
    }
    start = {"id": {"S": "a"}, "at": {"N": "5"}}
    code, message = refused(query, **after, **more, ExclusiveStartKey=start)
    assert code == "ValidationException"
    assert message == "The provided starting key does not match the range key predicate"
    assert query(**after, **more, ExclusiveStartKey={**start, "at": {"N": "6"}})["Count"] == 0
    conditions = {"id": {"AttributeValueList": [values[":id"]], "ComparisonOperator": "EQ"}}
    both = {"KeyConditions": conditions, "QueryFilter": conditions}
    assert refused(query, **both)[1] == (
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: id"
    )
