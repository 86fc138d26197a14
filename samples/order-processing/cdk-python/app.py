"""The accepting half of the order-processing sample as an app of the CDK in Python."""

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

SOURCE = Path(os.environ.get("ORDERS_SOURCE") or Path(__file__).parents[1] / "src")


class Orders(cdk.Stack):
    def __init__(self, scope: cdk.App, name: str) -> None:
        super().__init__(scope, name)
        queue = sqs.Queue(self, "OrdersQueue", visibility_timeout=cdk.Duration.seconds(60))
        create = lambda_.Function(
            self,
            "CreateOrder",
            runtime=lambda_.Runtime.PYTHON_3_12,
            handler="app.handler",
            code=lambda_.Code.from_asset(str(SOURCE / "create")),
            timeout=cdk.Duration.seconds(10),
            memory_size=int(self.node.try_get_context("memory") or 512),
            environment={
                "CURRENCY": self.node.try_get_context("currency") or "EUR",
                "QUEUE_URL": queue.queue_url,
            },
        )
        queue.grant_send_messages(create)
        url = create.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        cdk.CfnOutput(self, "CreateOrderUrl", value=url.url)
        cdk.CfnOutput(self, "CreateOrderFunction", value=create.function_name)


app = cdk.App()
Orders(app, "OrdersPython")
app.synth()
