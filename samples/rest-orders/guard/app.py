"""Lets those in who bring the token."""


def handler(event, context):
    effect = "Allow" if event["authorizationToken"] == "Bearer let-me-in" else "Deny"
    # The answer is kept for a minute, and stands for every method of the stage.
    api = event["methodArn"].split("/")[0]
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{api}/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "customer", "policyDocument": policy, "context": {"tier": "gold"}}
