"""The loopback exchange: Binance USDT-M futures on the wire, play money behind it."""
