"""What the campaign of malformed requests says, and what each floor of the exchange may answer."""

# What each floor documents for a request that is wrong: the codes, by the HTTP status that they come with.
ALWAYS = frozenset({
    -1000, -1021, -1022, -1100, -1101, -1102, -1106, -1111, -1115, -1116, -1117, -1120, -1121, -1125, -1128, -1130,
    -1131, -1135, -2011, -2013,
})  # fmt: skip
OTHERWISE = {401: {-2014, -2015}, 404: {-5000}, 413: {-1130}, 418: {-1003}, 429: {-1003, -1015}}
FUTURES_CODES = frozenset({
    -2019, -2021, -2022, -2025, -4001, -4003, -4004, -4005, -4013, -4014, -4015, -4016, -4028, -4045, -4046, -4047,
    -4048, -4049, -4056, -4059, -4061, -4068, -4082, -4116, -4120, -4130, -4136, -4137, -4164, -4167, -4168, -4171,
    -2007, -2027, -4002, -4024, -4031, -4060, -4067, -5021, -5022, -5025, -5026, -5027, -5029, -5037, -5038, -5039,
    -5040, -5041,
})  # fmt: skip
SPOT_CODES = frozenset({
    -1013, -1145, -1158, -1165, -1166, -1168, -1196, -1197, -1198, -1199, -2010, -2021, -2022, -2035, -2036,
})  # fmt: skip
DOCUMENTED = {
    "futures": OTHERWISE | {400: ALWAYS | FUTURES_CODES},
    "spot": OTHERWISE | {400: ALWAYS | SPOT_CODES, 409: {-2021}},
}
STREAM_CODES = frozenset([0, 1, 2, 3])
LIBRARY_SAYS_MAX = 300  # bytes of an answer in words, beside the request that it points into
JUNK = (
    "", " ", "0", "-1", "1e999", "NaN", "Infinity", "null", "true", "[]", "{}", "'", '"', "\x00", "\ud7ff", "٣", "½",
    "%", "%00", "../etc/passwd", "BTCUSDT;DROP", "9" * 30, "0." + "0" * 40 + "1", "-0.001", "0x10", "1_000", "+1", "1 ",
    "🚀", "a" * 5_000, "BTC/USDT:USDT", "btcusdt", "DOGEUSDT", "BUY ", "LIMIT\n", "1,2", "18446744073709551616",
    "b" * 64,
)  # fmt: skip
NAMES = (
    "symbol", "side", "type", "quantity", "price", "timeInForce", "timestamp", "recvWindow", "orderId", "limit",
    "interval", "startTime", "endTime", "fromId", "origClientOrderId", "newClientOrderId", "reduceOnly",
    "triggerPrice", "algoId", "batchOrders", "orderIdList", "countdownTime", "leverage", "marginType",
    "positionSide", "pair", "contractType", "clientAlgoId", "algoType", "amount", "signature",
    "dualSidePosition", "account", "listenKey", "incomeType", "", "quoteOrderQty", "stopPrice", "trailingDelta",
    "icebergQty", "newQty", "cancelReplaceMode", "cancelOrderId", "cancelOrigClientOrderId", "cancelRestrictions",
    "selfTradePreventionMode", "newOrderRespType", "aboveType", "abovePrice", "aboveStopPrice", "belowType",
    "belowPrice", "belowStopPrice", "belowTrailingDelta", "workingType", "workingSide", "workingPrice",
    "workingQuantity", "pendingType", "pendingSide", "pendingQuantity", "pendingAboveType", "orderListId",
    "priceMatch", "goodTillDate", "feeBurn", "listClientOrderId", "symbols", "fromExecutionId",
    "computeCommissionRates", "omitZeroBalances",
)  # fmt: skip
PATH_TRICKS = (
    "/fapi/../ringmaster/ledger", "//fapi/v1/time", "/fapi/v1/%2e%2e/%2e%2e/etc/passwd", "/fapi/v1/order%00", "/",
    "/fapi",    "/fapi/v1/order/../../v1/time", "/ringmaster/ledger", "/ringmaster/%67rid", "/fapi/v9/time", "/..",
    "/fapi/v1/" + "a" * 3_000, "/ws", "/stream", "/ws-fapi/v1", "/fapi/v1/time;x=1", "/FAPI/V1/TIME",
    "/fapi/v1/%F0%9F%9A%80",
    "/api/v3/../../ringmaster/ledger", "/api/v3/order%00", "//api/v3/time", "/api/v3/%2e%2e/account", "/API/V3/TIME",
    "/api/v1/order", "/api/v3/orderList/../account", "/ws-api/v3", "/sapi/v1/asset/tradeFee/..", "/stream-spot/ws",
    "/%", "/fapi/v1/order%2F", "/fapi/v1/account%3Fa=b", "/.git/config", "/fapi\\v1\\time",
)  # fmt: skip
VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
METHODS = (
    "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "order.place", "order.status",
    "order.cancel", "order.modify", "account.status", "v2/account.balance", "session.logon", "session.status",
    "userDataStream.start", "ticker.price", "depth", "__class__", "", 7, None, "order.cancelReplace", "order.test",
    "order.amend.keepPriority", "orderList.place.oco", "orderList.place.oto", "orderList.place.otoco",
    "orderList.status", "orderList.cancel", "openOrderLists.status", "allOrderLists", "openOrders.status",
    "openOrders.cancelAll", "allOrders", "myTrades", "userDataStream.subscribe", "userDataStream.unsubscribe",
    "userDataStream.subscribe.signature", "session.subscriptions", "session.logout", "exchangeInfo", "klines",
)  # fmt: skip
GOOD = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.010", "price": "30000", "timeInForce": "GTC",
    "interval": "1m", "pair": "BTCUSDT", "contractType": "PERPETUAL",
}  # fmt: skip
GOOD_ACT = {
    "leverage": "5", "marginType": "ISOLATED", "algoType": "CONDITIONAL", "triggerPrice": "300000", "amount": "5",
    "countdownTime": "0", "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1", "origClientOrderId": "own",
    "newClientOrderId": "own", "clientAlgoId": "own", "orderId": "1", "feeBurn": "false", "orderIdList": "[1]",
    "dualSidePosition": "true", "multiAssetsMargin": "true", "stopPrice": "400000", "listClientOrderId": "own",
}  # fmt: skip
GOOD_LIST = {
    "aboveType": "STOP_LOSS_LIMIT", "abovePrice": "150000", "aboveStopPrice": "140000", "aboveTimeInForce": "GTC",
    "belowType": "LIMIT_MAKER", "belowPrice": "30000", "workingType": "LIMIT", "workingSide": "BUY",
    "workingPrice": "30000", "workingQuantity": "0.010", "workingTimeInForce": "GTC", "pendingType": "MARKET",
    "pendingSide": "SELL", "pendingQuantity": "0.010", "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "200000",
    "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "20000", "newQty": "0.005",
}  # fmt: skip
